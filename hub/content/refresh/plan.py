"""Compute the new map and its changes, without side effects."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hub.content.kinds import KINDS
from hub.content.map.rows import ABSENT, Flags, MapEntry
from hub.models.choices import ChangeCause, ChangeKind, ChangeWhat


@dataclass(frozen=True)
class PublicationPlan:
    """The new map (directory → entry), and the reasons not to publish it."""

    entries: dict[str, MapEntry]
    all_failed: bool
    shrunk: bool

    @property
    def complete(self) -> bool:
        """Whether no entry is stale."""
        return not any(entry.stale for entry in self.entries.values())


def plan_publication(
    listing: Mapping[str, str],
    judged: Mapping[str, tuple[Flags, Flags]],
    owners: Mapping[str, int],
    last: Mapping[str, MapEntry],
    *,
    why_failed: Callable[[str], str],
    last_as_of: datetime | None,
    last_is_current: bool,
    shrink_limit: float,
) -> PublicationPlan:
    """Return the map after a run.

    `listing`: directory → tree SHA. `judged`: tree SHA → present and usable flags. `owners`:
    directory → exporter id. `last`: the current map, which GitHub confirmed at `last_as_of`.
    `last_is_current`: whether the current rules judged it. `shrink_limit`: the share (0 to 1) of
    directories that may disappear at once.

    A directory whose tree is neither judged nor unchanged keeps its last entry, marked stale with
    the reason from `why_failed`; without a last entry it is unknown. Unlisted ones are removed.
    """
    entries: dict[str, MapEntry] = {}
    for directory, sha in listing.items():
        owner = owners.get(directory)
        if sha in judged:
            present, usable = judged[sha]
            entries[directory] = MapEntry(sha, present, usable, exporter=owner)
            continue
        before = last.get(directory)
        if last_is_current and before and before.tree_sha == sha and not before.stale:
            entry = before
        else:
            entry = _stale_entry(before, why_failed(directory), last_as_of)
        entries[directory] = entry._replace(exporter=owner)
    return PublicationPlan(
        entries,
        all_failed=bool(entries) and all(entry.stale for entry in entries.values()),
        shrunk=len(listing) < len(last) * (1 - shrink_limit),
    )


def _stale_entry(before: MapEntry | None, reason: str, last_as_of: datetime | None) -> MapEntry:
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
    """Return the changes from `last` to `new`, sorted by directory.

    Unknown content counts as gained once it is present, but never as lost: a failed lookup is not a
    change. Content that stays present is listed only if its usability changed.
    """
    changed = (name for name in last.keys() | new.keys() if last.get(name) != new.get(name))
    return [
        difference
        for directory in sorted(changed, key=str.casefold)
        for difference in _differences_of(directory, last.get(directory), new.get(directory))
    ]


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
        what = _flag_change(was, is_now, was_usable, is_usable)
        if what:
            yield Difference(directory, ChangeKind(kind.letter), what, cause)


def _flag_change(
    was: bool | None, is_now: bool | None, was_usable: bool | None, is_usable: bool | None
) -> ChangeWhat | None:
    if is_now and not was:
        return ChangeWhat.GAINED
    if was and is_now is False:
        return ChangeWhat.LOST
    if was and is_now and was_usable is not is_usable and None not in (was_usable, is_usable):
        return ChangeWhat.USABLE if is_usable else ChangeWhat.BROKEN
    return None
