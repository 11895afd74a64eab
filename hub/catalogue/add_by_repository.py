"""Add an exporter by its repository URL; its other fields are fetched from GitHub."""

from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q

from hub.catalogue.importing import MAX_LENGTHS, free_slug
from hub.facts import parse
from hub.facts.runs import start_facts_run
from hub.facts.store import FetchedPart, store_facts
from hub.github import errors
from hub.github.client import shared_client
from hub.models import Category, Exporter, FactsPart, RunTrigger
from hub.names.repositories import NotARepository, repository_of, url_of

_OFFICIAL_OWNER = "prometheus"

_WHY: dict[type[errors.GitHubError], str] = {
    errors.NotFound: "GitHub has no such repository, or the hub's token has no access to it. "
    "Check the URL.",
    errors.NoToken: "No GitHub token is configured: add one under GitHub tokens.",
    errors.BadToken: "GitHub rejected the hub's token: replace it under GitHub tokens.",
}


class NotAdded(Exception):
    """The exporter was not added; the message says why and what to do."""


def add_by_repository(url: str, category: Category) -> Exporter:
    """Create an exporter for OWNER/NAME in `url` by its current name. Raises `NotAdded`."""
    try:
        name = repository_of(url)
    except NotARepository as fault:
        raise NotAdded(str(fault)) from None
    _refuse_duplicate(name)
    path = f"/repos/{name}"
    try:
        answer = shared_client().get(path, etags={})
        facts = parse.parse_repository(answer.data)
    except errors.RateLimited as error:
        until = f" (until {error.reset_at:%H:%M} UTC)" if error.reset_at else ""
        raise NotAdded(f"GitHub's rate limit is used up{until}: try again later.") from None
    except errors.GitHubError as error:
        why = _WHY.get(type(error)) or f"The request to GitHub failed ({error.reason.label})."
        raise NotAdded(why) from None
    _refuse_duplicate(facts.name)
    try:
        with transaction.atomic():
            exporter = _create(facts, category)
            # An ETag received under a former name is not valid for the current one.
            current = f"/repos/{facts.name}"
            etag = answer.etag if path == current else ""
            part = FetchedPart(FactsPart.REPOSITORY, facts, current, answer.token_id, etag)
            store_facts(exporter, [part], problem="")
            # A facts run fetches README and releases.
            Exporter.objects.filter(pk=exporter.pk).update(facts_at=None)
            transaction.on_commit(partial(start_facts_run, RunTrigger.ADMIN, chosen=[exporter.pk]))
    except IntegrityError:
        raise NotAdded("The exporter was added by another request.") from None
    exporter.refresh_from_db()
    return exporter


def _refuse_duplicate(name: str) -> None:
    url = url_of(name)
    same = Exporter.objects.filter(Q(repository__iexact=url) | Q(renamed_to__iexact=url)).first()
    if same:
        raise NotAdded(f"{url} is already in the catalogue: {same.title} (slug {same.slug}).")


def _create(facts: parse.RepositoryFacts, category: Category) -> Exporter:
    owner, _, repository = facts.name.partition("/")
    title = title_of(repository)
    if Exporter.objects.filter(title__iexact=title).exists():
        title = f"{title} ({owner})"[: MAX_LENGTHS["title"]]
    url = url_of(facts.name)
    slugs = set(Exporter.objects.values_list("slug", flat=True))
    return Exporter.objects.create(
        slug=free_slug(title, url, slugs),
        title=title,
        project_name=repository[: MAX_LENGTHS["project_name"]],
        repository=url,
        category=category,
        official=owner.casefold() == _OFFICIAL_OWNER,
    )


def title_of(repository: str) -> str:
    """Return a title for a repository name: `node_exporter` → `Node Exporter`."""
    words = repository.replace("_", " ").replace("-", " ").split()
    title = " ".join(word[:1].upper() + word[1:] for word in words)
    return (title or repository)[: MAX_LENGTHS["title"]]
