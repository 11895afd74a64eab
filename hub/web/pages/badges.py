"""What a badge of the catalogue says. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hub.content.kinds import KINDS, Kind, any_known


@dataclass(frozen=True)
class Badge:
    """One kind of content for one exporter: present (True), absent (False), unknown (None).

    `broken` says that none of what is present is usable.
    """

    letter: str
    label: str
    present: bool | None
    broken: bool = False

    @property
    def mark(self) -> str:
        """The name of the state, for CSS classes."""
        if self.broken:
            return "broken"
        return {True: "there", False: "absent", None: "unknown"}[self.present]

    @property
    def words(self) -> str:
        """The badge in words, for tooltips and screen readers."""
        said = {
            "there": "available",
            "broken": "available, but broken",
            "absent": "not available",
            "unknown": "not known yet",
        }
        return f"{self.label}: {said[self.mark]}"


def badges_of(rows: Sequence[Any], *, known: bool) -> list[Badge]:
    """The badges of an exporter whose directories are `rows`, of `ExporterContents` or alike.

    Several directories add up. Without a directory all is absent once a snapshot is `known`, and
    unknown before.
    """
    return [
        _badge(
            kind,
            tuple((getattr(row, kind.field), getattr(row, kind.usable_field)) for row in rows),
            known=known,
        )
        for kind in KINDS
    ]


@lru_cache(maxsize=1000)  # a list draws thousands of badges, and few that differ
def _badge(kind: Kind, said: tuple[tuple[bool | None, bool | None], ...], *, known: bool) -> Badge:
    """`said`: of each directory, whether the kind is present and whether it is usable."""
    usable = [usable for present, usable in said if present]
    broken = bool(usable) and all(one is False for one in usable)
    present = any_known((present for present, _ in said), known=known)
    return Badge(kind.letter, kind.label, present, broken)
