"""Store the facts of an exporter. No other module writes facts.

Call `store_facts` inside a transaction: an ETag must be stored together with its data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub import clock
from hub.facts.parse import ReadmeFacts, ReleaseFacts, RepositoryFacts
from hub.models import Exporter, FactsETag, FactsPart, Readme, Release
from hub.models.search_index import reindex
from hub.names.repositories import url_of


@dataclass(frozen=True)
class FetchedPart:
    """A parsed part of the facts; `value` is None for a missing README."""

    part: FactsPart
    value: Any
    url: str = ""
    token_id: int = 0
    etag: str = ""


def store_facts(loaded: Exporter, fetched: Sequence[FetchedPart], problem: str) -> bool:
    """Store the `fetched` parts and the `problem` ("" for none). Return whether anything changed.

    `loaded` is the exporter as it was before the requests. Nothing is stored if it was deleted or
    its repository was changed in the meantime.
    """
    exporter = Exporter.objects.select_for_update().filter(pk=loaded.pk).first()
    if exporter is None or exporter.repository != loaded.repository:
        return False
    changed = False
    for part in fetched:
        differs = _STORES[part.part](exporter, part.value)
        _store_etag(exporter, part, differs=differs)
        changed |= differs
    if changed:
        reindex(Exporter.objects.filter(pk=exporter.pk))
    fetched_at = {} if problem else {"facts_at": clock.now()}
    _update(exporter, {"facts_problem": problem, **fetched_at})
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
    if not exporter.description:  # a description in the catalogue takes precedence
        values["description"] = facts.description
    return _update(exporter, values)


def _store_readme(exporter: Exporter, facts: ReadmeFacts | None) -> bool:
    if facts is None:
        deleted, _ = Readme.objects.filter(exporter=exporter).delete()
        return bool(deleted)
    values = vars(facts)
    if Readme.objects.filter(exporter=exporter, **values).exists():
        return False
    Readme.objects.update_or_create(exporter=exporter, defaults={**values, "renderer": 0})
    return True


def _store_releases(exporter: Exporter, found: Sequence[ReleaseFacts]) -> bool:
    """Replace the stored releases with `found`, the newest 30."""
    stored = {release.tag: release for release in exporter.releases.defer("html_parts")}
    differing = [
        Release(exporter=exporter, **vars(facts))
        for facts in found
        if facts.tag not in stored or _differs(stored[facts.tag], vars(facts))
    ]
    Release.objects.bulk_create(
        differing,
        update_conflicts=True,
        unique_fields=["exporter", "tag"],
        update_fields=["name", "body", "url", "prerelease", "published_at", "renderer"],
    )
    removed = stored.keys() - {facts.tag for facts in found}
    exporter.releases.filter(tag__in=removed).delete()
    newest: datetime | None = max((facts.published_at for facts in found), default=None)
    redated = _update(exporter, {"last_release_at": newest})
    return bool(differing or removed or redated)


_STORES: dict[FactsPart, Callable[[Exporter, Any], bool]] = {
    FactsPart.REPOSITORY: _store_repository,
    FactsPart.README: _store_readme,
    FactsPart.RELEASES: _store_releases,
}


def _update(exporter: Exporter, values: Mapping[str, Any]) -> bool:
    """Write the values if any differs, without signals. Return whether any did."""
    if not _differs(exporter, values):
        return False
    for name, value in values.items():
        setattr(exporter, name, value)
    Exporter.objects.filter(pk=exporter.pk).update(**values)
    return True


def _differs(row: Any, values: Mapping[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def _store_etag(exporter: Exporter, part: FetchedPart, *, differs: bool) -> None:
    """Store the ETag. If the data differs, delete the other tokens' ETags: they are outdated."""
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
