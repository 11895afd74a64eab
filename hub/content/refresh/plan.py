"""What a publication would put in the map, and what it changes. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hub.content.kinds import KINDS
from hub.content.map.rows import ABSENT, Flags, MapEntry
from hub.models.choices import ChangeCause, ChangeKind, ChangeWhat


@dataclass(frozen=True)
class PublicationPlan:
    """The new map, directory → entry, and whether it may be published."""

    entries: dict[str, MapEntry]
    all_failed: bool
    shrunk: bool

    @property
    def complete(self) -> bool:
        """No entry is stale."""
        return not any(entry.stale for entry in self.entries.values())


def plan_publication(
    listing: Mapping[str, str],
    judged: Mapping[str, tuple[Flags, Flags]],
    last: Mapping[str, MapEntry],
    *,
    why_failed: Callable[[str], str],
    last_as_of: datetime | None,
    last_is_current: bool,
    shrink_limit: float,
) -> PublicationPlan:
    """The map after a run.

    `listing` maps each directory to its tree SHA, `judged` a tree SHA to what is present and
    usable, `last` is the map so far, confirmed at `last_as_of`. A directory whose tree is neither
    judged nor that of its last fresh entry keeps that entry, stale with the reason that
    `why_failed` gives; without an earlier entry it is unknown. A directory that is not listed
    leaves the map. `last_is_current` says that today's rules judged the map so far: an entry of
    older ones is stale until its tree is judged again. `shrink_limit` is the share (0 to 1) of the
    map that may vanish at once.
    """
    entries: dict[str, MapEntry] = {}
    for directory, sha in listing.items():
        before = last.get(directory)
        if sha in judged:
            entries[directory] = MapEntry(sha, *judged[sha])
        elif last_is_current and before and before.tree_sha == sha and not before.stale:
            entries[directory] = before
        else:
            entries[directory] = _kept(before, why_failed(directory), last_as_of)
    return PublicationPlan(
        entries,
        all_failed=bool(entries) and all(entry.stale for entry in entries.values()),
        shrunk=len(listing) < len(last) * (1 - shrink_limit),
    )


def _kept(before: MapEntry | None, reason: str, last_as_of: datetime | None) -> MapEntry:
    if before is None:
        return MapEntry(stale=reason)
    return before._replace(stale=reason, as_of=before.as_of if before.stale else last_as_of)


class Difference(NamedTuple):
    """One line of the change log."""

    directory: str
    kind: ChangeKind
    what: ChangeWhat
    cause: ChangeCause


def differences(last: Mapping[str, MapEntry], new: Mapping[str, MapEntry]) -> list[Difference]:
    """What `new` has gained and lost against `last`, by directory.

    What was unknown before counts as gained when it turns out to be present, and never as lost: a
    failed lookup is no news. Between content that was and is present, only a change of its
    usability counts.
    """
    found: list[Difference] = []
    for directory in sorted(last.keys() | new.keys(), key=str.casefold):
        before, after = last.get(directory), new.get(directory)
        if before != after:
            found += _differences_of(directory, before, after)
    return found


def _differences_of(
    directory: str, last: MapEntry | None, new: MapEntry | None
) -> Iterator[Difference]:
    cause = ChangeCause.PUSH
    if last is None:
        yield Difference(directory, ChangeKind.DIRECTORY, ChangeWhat.GAINED, cause)
    elif new is None:
        yield Difference(directory, ChangeKind.DIRECTORY, ChangeWhat.LOST, cause)
    elif new.tree_sha == last.tree_sha:
        cause = ChangeCause.RULES
    before, after = last or MapEntry(), new or MapEntry(present=ABSENT)
    flags = zip(before.present, after.present, before.usable, after.usable, strict=True)
    for kind, (was, is_now, was_usable, is_usable) in zip(KINDS, flags, strict=True):
        what = _what(was, is_now, was_usable, is_usable)
        if what:
            yield Difference(directory, ChangeKind(kind.letter), what, cause)


def _what(
    was: bool | None, is_now: bool | None, was_usable: bool | None, is_usable: bool | None
) -> ChangeWhat | None:
    if is_now and not was:
        return ChangeWhat.GAINED
    if was and is_now is False:
        return ChangeWhat.LOST
    if was and is_now and was_usable is not is_usable and None not in (was_usable, is_usable):
        return ChangeWhat.USABLE if is_usable else ChangeWhat.BROKEN
    return None
