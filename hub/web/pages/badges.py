"""What a badge of the catalogue says. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hub.content.kinds import any_known
from hub.models import ExporterContents
from hub.web.pages.rows import Held

KINDS = (
    ("I", "Infrastructure as code (Helm)", "iac"),
    ("A", "Alerting rules", "alerts"),
    ("G", "Grafana dashboard", "dashboard"),
)


@dataclass(frozen=True)
class Badge:
    """One of I, A, G for one exporter: there (True), not there (False), unknown (None).

    `broken` says that none of what is there would work.
    """

    letter: str
    label: str
    there: bool | None
    broken: bool = False

    @property
    def mark(self) -> str:
        """The name of the state, for CSS classes."""
        if self.broken:
            return "broken"
        return {True: "there", False: "absent", None: "unknown"}[self.there]

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


def badges_of(rows: Sequence[ExporterContents | Held], *, known: bool) -> list[Badge]:
    """The badges of an exporter whose directories are `rows`.

    Several directories add up. Without a directory all is absent once a snapshot is `known`, and
    unknown before.
    """
    return [
        _badge(
            letter,
            label,
            tuple((getattr(row, field), getattr(row, f"{field}_usable")) for row in rows),
            known=known,
        )
        for letter, label, field in KINDS
    ]


@lru_cache(maxsize=1000)  # a list draws thousands of badges, and few that differ
def _badge(
    letter: str, label: str, said: tuple[tuple[bool | None, bool | None], ...], *, known: bool
) -> Badge:
    """`said`: of each directory, whether it is there and whether it would work."""
    usable = [works for there, works in said if there]
    broken = bool(usable) and all(works is False for works in usable)
    return Badge(letter, label, any_known((there for there, _ in said), known=known), broken)
