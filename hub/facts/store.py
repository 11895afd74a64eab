"""Writing facts: the one place where what GitHub answers changes an exporter.

Call `store` inside a transaction: the ETags have to stand or fall with what they describe.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from hub.facts.parse import ReadmeFacts, ReleaseFacts, RepositoryFacts
from hub.models import Exporter, FactsETag, FactsPart, Readme, Release
from hub.models.search_index import reindex
from hub.names.repositories import url_of


@dataclass(frozen=True)
class FetchedPart:
    """A part of the facts as GitHub answered it; `value` is None for a README that is not there."""

    part: FactsPart
    value: Any
    url: str = ""
    token_id: int = 0
    etag: str = ""


def store_facts(asked: Exporter, fetched: Sequence[FetchedPart], problem: str) -> bool:
    """Write what was `fetched`, and the `problem` that there was; whether anything differs now.

    `asked` is the exporter as it was before the requests: one that was deleted or given another
    repository meanwhile is left alone.
    """
    exporter = Exporter.objects.select_for_update().filter(pk=asked.pk).first()
    if exporter is None or exporter.repository != asked.repository:
        return False
    changed = False
    for part in fetched:
        differs = _STORES[part.part](exporter, part.value)
        _remember(exporter, part, differs=differs)
        changed |= differs
    if changed:
        reindex(Exporter.objects.filter(pk=exporter.pk))
    done = {} if problem else {"facts_at": timezone.now()}
    _update(exporter, {"facts_problem": problem, **done})
    return changed


def _store_repository(exporter: Exporter, facts: RepositoryFacts) -> bool:
    url = url_of(facts.name)
    renamed = url.casefold() != exporter.repository.casefold()
    values: dict[str, Any] = {
        "stars": facts.stars,
        "archived": facts.archived,
        "default_branch": facts.default_branch,
        "renamed_to": url if renamed else "",
    }
    if not exporter.description:  # the catalogue's own words win
        values["description"] = facts.description
    return _update(exporter, values)


def _store_readme(exporter: Exporter, facts: ReadmeFacts | None) -> bool:
    if facts is None:
        gone, _ = Readme.objects.filter(exporter=exporter).delete()
        return bool(gone)
    values = vars(facts)
    if Readme.objects.filter(exporter=exporter, **values).exists():
        return False
    Readme.objects.update_or_create(exporter=exporter, defaults=values)
    return True


def _store_releases(exporter: Exporter, found: Sequence[ReleaseFacts]) -> bool:
    """Keep just these, which are the newest 30."""
    there = {release.tag: release for release in exporter.releases.all()}
    differing = [
        Release(exporter=exporter, **vars(facts))
        for facts in found
        if facts.tag not in there or _differs(there[facts.tag], vars(facts))
    ]
    Release.objects.bulk_create(
        differing,
        update_conflicts=True,
        unique_fields=["exporter", "tag"],
        update_fields=["name", "body", "url", "prerelease", "published_at"],
    )
    gone = there.keys() - {facts.tag for facts in found}
    exporter.releases.filter(tag__in=gone).delete()
    newest: datetime | None = max((facts.published_at for facts in found), default=None)
    redated = _update(exporter, {"last_release_at": newest})
    return bool(differing or gone or redated)


_STORES: dict[FactsPart, Callable[[Exporter, Any], bool]] = {
    FactsPart.REPOSITORY: _store_repository,
    FactsPart.README: _store_readme,
    FactsPart.RELEASES: _store_releases,
}


def _update(exporter: Exporter, values: Mapping[str, Any]) -> bool:
    """Write what differs, without signals; whether anything did."""
    if not _differs(exporter, values):
        return False
    for name, value in values.items():
        setattr(exporter, name, value)
    Exporter.objects.filter(pk=exporter.pk).update(**values)
    return True


def _differs(row: Any, values: Mapping[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def _remember(exporter: Exporter, part: FetchedPart, *, differs: bool) -> None:
    """Keep the ETag; with something new, the other tokens' ETags describe what is no more."""
    known = FactsETag.objects.filter(exporter=exporter, part=part.part)
    if differs or not part.etag:
        known.exclude(token_id=part.token_id if part.etag else 0).delete()
    if part.etag:
        FactsETag.objects.update_or_create(
            exporter=exporter,
            part=part.part,
            token_id=part.token_id,
            defaults={"url": part.url, "etag": part.etag},
        )
