"""Badges: the state of each kind of content of an exporter. Pure functions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from hub.content.kinds import KINDS, Kind, any_known

# Mark → the word on all pages. Sorting the coverage grid by a kind uses this order.
STATES = {"absent": "missing", "broken": "broken", "unknown": "unknown", "ok": "usable"}


@dataclass(frozen=True)
class Badge:
    """One kind of content for one exporter. `item`: what `count` counts, such as "alert"."""

    letter: str
    label: str
    present: bool | None  # None: unknown
    usable: bool | None = True  # of content that is present; None: unknown
    short_label: str = ""
    tab: str = ""  # the last part of the URL of the kind's tab
    count: int = 0
    item: str = ""

    @cached_property  # all exporters share a few badges
    def mark(self) -> str:
        """The name of the state in CSS classes and icons."""
        if self.present:
            return {True: "ok", False: "broken", None: "unknown"}[self.usable]
        return "absent" if self.present is False else "unknown"

    @property
    def state(self) -> str:
        """The state as a word."""
        return state_of(self.letter, self.mark)

    @property
    def words(self) -> str:
        """The badge as text, for tooltips and screen readers."""
        items = f", {self.count} {self.item}s" if self.count > 1 else ""
        return f"{self.label}: {self.state}{items}"


def state_of(letter: str, mark: str) -> str:
    """Return the word for `mark` in the column `letter`. E is never judged, so it is "present"."""
    return "present" if letter == "E" and mark == "ok" else STATES[mark]


class Badges(list[Badge]):
    """The badges of an exporter, one for each kind; never changed."""

    @cached_property
    def present(self) -> frozenset[str]:
        """The letters of the kinds that are present."""
        return frozenset(badge.letter for badge in self if badge.present)

    @cached_property
    def usable(self) -> frozenset[str]:
        """The letters of the kinds that are usable."""
        return frozenset(badge.letter for badge in self if badge.mark == "ok")


def badges_of(rows: Sequence[Any], *, known: bool) -> Badges:
    """Return an exporter's badges, combined from all its directories.

    `rows` are the directories: instances of `ExporterContents`, or tuples with the same fields.
    `known` tells whether a snapshot exists: without one, an exporter that has no directory is
    unknown instead of missing.
    """
    return Badges(
        _badge(
            kind,
            tuple((getattr(row, kind.field), getattr(row, kind.usable_field)) for row in rows),
            sum((row.counts or {}).get(kind.letter, 0) for row in rows),
            known=known,
        )
        for kind in KINDS
    )


_FLAGS = tuple(column for kind in KINDS for column in (kind.field, kind.usable_field))
_STATE = attrgetter(*_FLAGS, "counts_json")


def shared_badges(rows: Sequence[Any], *, known: bool) -> Badges:
    """Return the badges of an exporter whose directories are rows of `AllContents`.

    All exporters whose directories have the same flags and counts share them: judging thousands
    of exporters one by one takes a tenth of a second.
    """
    return _badges_of_states(tuple(map(_STATE, rows)), known=known)


@lru_cache(maxsize=10_000)
def _badges_of_states(states: tuple[tuple[Any, ...], ...], *, known: bool) -> Badges:
    rows = [
        SimpleNamespace(
            **dict(zip(_FLAGS, flags, strict=True)), counts=json.loads(counts) if counts else None
        )
        for *flags, counts in states
    ]
    return badges_of(rows, known=known)


@lru_cache(maxsize=1000)  # a list has thousands of badges, and few distinct ones
def _badge(
    kind: Kind, flags: tuple[tuple[bool | None, bool | None], ...], count: int, *, known: bool
) -> Badge:
    """Combine the flags (present, usable) of each directory."""
    usable = any_known((usable for present, usable in flags if present), known=True)
    present = any_known((present for present, _ in flags), known=known)
    return Badge(
        kind.letter,
        kind.label,
        present,
        usable,
        kind.short_label,
        kind.tab.name,
        count,
        kind.item,
    )
