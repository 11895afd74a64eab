"""What a publication would put in the map. Pure: the run's findings in, the new map out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hub.content.rules.directory import Judgement

# The map's letters and the fields of an entry that speak for them.
FIELDS = {"I": "iac", "A": "alerts", "G": "dashboard"}


@dataclass(frozen=True)
class Entry:
    """What the map says of one directory. None is "unknown" and never the same as False.

    `…_usable` says whether what is there would work: False where nothing is there, None where it
    is not known.
    """

    tree_sha: str = ""
    iac: bool | None = None
    alerts: bool | None = None
    dashboard: bool | None = None
    iac_usable: bool | None = None
    alerts_usable: bool | None = None
    dashboard_usable: bool | None = None
    evidence: dict[str, list[str]] = field(default_factory=dict)
    stale: str = ""  # why it is not of the listed tree; "" when it is
    as_of: datetime | None = None  # of a stale entry: when its tree was last confirmed


@dataclass(frozen=True)
class Plan:
    """The new map, directory → entry, and whether it may be published."""

    entries: dict[str, Entry]
    unchanged: int  # directories besides, which keep their entry as it is
    all_failed: bool
    shrunk: bool

    @property
    def directories(self) -> int:
        """How many the new map has."""
        return self.unchanged + len(self.entries)

    @property
    def complete(self) -> bool:
        """No entry is stale."""
        return not any(entry.stale for entry in self.entries.values())


def plan_publication(
    listing: Mapping[str, str],
    judged: Mapping[str, Judgement],
    last: Mapping[str, Entry],
    *,
    why_failed: Callable[[str], str],
    last_as_of: datetime | None,
    last_is_current: bool,
    shrink_limit: float,
    unchanged: int = 0,
) -> Plan:
    """The map after a run.

    `listing` maps each directory to its tree SHA, `judged` a tree SHA to what it holds, `last` is
    the map so far, confirmed at `last_as_of`. A directory whose tree is neither judged nor that of
    its last fresh entry keeps that entry, stale with the reason that `why_failed` gives; without an
    earlier entry it is unknown. A directory that is not listed leaves the map. `last_is_current`
    says that today's rules judged the map so far: an entry of older ones is stale until its tree is
    judged again. `shrink_limit` is the share (0 to 1) of the map that may vanish at once. So many
    directories as `unchanged` says are in none of these: their entries are current and stay.
    """
    entries: dict[str, Entry] = {}
    for directory, sha in listing.items():
        before = last.get(directory)
        if sha in judged:
            entries[directory] = _found(sha, judged[sha])
        elif last_is_current and before and before.tree_sha == sha and not before.stale:
            entries[directory] = before
        else:
            entries[directory] = _kept(before, why_failed(directory), last_as_of)
    return Plan(
        entries,
        unchanged,
        all_failed=bool(entries)
        and not unchanged
        and all(entry.stale for entry in entries.values()),
        shrunk=unchanged + len(listing) < (unchanged + len(last)) * (1 - shrink_limit),
    )


def _found(sha: str, judgement: Judgement) -> Entry:
    said: dict[str, Any] = {}
    for kind, name in FIELDS.items():
        said[name], said[f"{name}_usable"] = judgement.there(kind), judgement.usable(kind)
    return Entry(sha, **said, evidence=judgement.evidence())


def _kept(before: Entry | None, reason: str, last_as_of: datetime | None) -> Entry:
    if before is None:
        return Entry(stale=reason)
    return replace(before, stale=reason, as_of=before.as_of if before.stale else last_as_of)
