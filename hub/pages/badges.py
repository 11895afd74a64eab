"""What a badge of the catalogue says. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.contents.merge import merged
from hub.models import ExporterContents

KINDS = (
    ("I", "iac", "Infrastructure as code (Helm)"),
    ("A", "alerts", "Alerting rules"),
    ("G", "dashboard", "Grafana dashboard"),
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


def badges_of(rows: Iterable[ExporterContents], *, known: bool) -> list[Badge]:
    """The badges of an exporter whose directories are `rows`.

    Several directories add up. Without a directory all is absent once a snapshot is `known`, and
    unknown before.
    """
    rows = list(rows)

    def there(field: str) -> bool | None:
        return merged((getattr(row, field) for row in rows), known=known)

    def broken(field: str) -> bool:
        usable = [getattr(row, f"{field}_usable") for row in rows if getattr(row, field)]
        return bool(usable) and all(value is False for value in usable)

    return [Badge(letter, label, there(field), broken(field)) for letter, field, label in KINDS]
