"""Register an exporter by the address of its repository; the rest comes from GitHub."""

from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q

from hub.catalogue.importing import LONGEST, free_slug
from hub.facts import parse
from hub.facts.runs import start_facts_run
from hub.facts.store import FetchedPart, store_facts
from hub.github import errors
from hub.github.client import shared_client
from hub.models import Category, Exporter, FactsPart, RunTrigger
from hub.names.repositories import NotARepository, repository_of, url_of

_OFFICIAL_OWNER = "prometheus"

_WHY: dict[type[errors.GitHubError], str] = {
    errors.NotFound: "GitHub knows no such repository, or the hub's token may not see it. "
    "Is the address right?",
    errors.NoToken: "There is no GitHub token to ask with: add one under GitHub tokens.",
    errors.BadToken: "GitHub refuses the hub's token: replace it under GitHub tokens.",
}


class NotRegistered(Exception):
    """Nothing was registered; the message says why and what to do."""


def register(url: str, category: Category) -> Exporter:
    """Create the exporter of the repository at `url`, under its current name.

    Only OWNER/NAME of the address is used. Raises `NotRegistered`.
    """
    try:
        name = repository_of(url)
    except NotARepository as fault:
        raise NotRegistered(str(fault)) from None
    _refuse_duplicate(name)
    path = f"/repos/{name}"
    try:
        answer = shared_client().get(path, etags={})
        facts = parse.parse_repository(answer.data)
    except errors.RateLimited as error:
        until = f" (until {error.reset_at:%H:%M} UTC)" if error.reset_at else ""
        raise NotRegistered(f"GitHub asks the hub to wait{until}: try again later.") from None
    except errors.GitHubError as error:
        why = _WHY.get(type(error)) or f"GitHub could not be asked ({error.reason.label})."
        raise NotRegistered(why) from None
    _refuse_duplicate(facts.name)
    try:
        with transaction.atomic():
            exporter = _create(facts, category)
            # The ETag is useless for the current name if it came from a former one.
            current = f"/repos/{facts.name}"
            etag = answer.etag if path == current else ""
            part = FetchedPart(FactsPart.REPOSITORY, facts, current, answer.token_id, etag)
            store_facts(exporter, [part], problem="")
            # README and releases are still unknown: a run fetches them.
            Exporter.objects.filter(pk=exporter.pk).update(facts_at=None)
            transaction.on_commit(partial(start_facts_run, RunTrigger.ADMIN, chosen=[exporter.pk]))
    except IntegrityError:
        raise NotRegistered(
            "Somebody else registered it at the same moment: look for it."
        ) from None
    exporter.refresh_from_db()
    return exporter


def _refuse_duplicate(name: str) -> None:
    url = url_of(name)
    same = Exporter.objects.filter(Q(repository__iexact=url) | Q(renamed_to__iexact=url)).first()
    if same:
        raise NotRegistered(f"{url} is in the catalogue already: {same.title} (slug {same.slug}).")


def _create(facts: parse.RepositoryFacts, category: Category) -> Exporter:
    owner, _, repository = facts.name.partition("/")
    title = title_of(repository)
    if Exporter.objects.filter(title__iexact=title).exists():
        title = f"{title} ({owner})"[: LONGEST["title"]]
    url = url_of(facts.name)
    slugs = set(Exporter.objects.values_list("slug", flat=True))
    return Exporter.objects.create(
        slug=free_slug(title, url, slugs),
        title=title,
        project_name=repository[: LONGEST["project_name"]],
        repository=url,
        category=category,
        official=owner.casefold() == _OFFICIAL_OWNER,
    )


def title_of(repository: str) -> str:
    """A title for a repository's name: `node_exporter` → `Node Exporter`."""
    words = repository.replace("_", " ").replace("-", " ").split()
    title = " ".join(word[:1].upper() + word[1:] for word in words)
    return (title or repository)[: LONGEST["title"]]
