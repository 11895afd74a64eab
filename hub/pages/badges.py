"""What a badge of the catalogue says. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.models import ExporterContents

KINDS = (
    ("I", "iac", "Infrastructure as code (Helm)"),
    ("A", "alerts", "Alerting rules"),
    ("G", "dashboard", "Grafana dashboard"),
)


@dataclass(frozen=True)
class Badge:
    """One of I, A, G for one exporter: there (True), not there (False), unknown (None)."""

    letter: str
    label: str
    there: bool | None

    @property
    def mark(self) -> str:
        """The name of the state, for CSS classes."""
        return {True: "there", False: "absent", None: "unknown"}[self.there]

    @property
    def words(self) -> str:
        """The badge in words, for tooltips and screen readers."""
        said = {True: "available", False: "not available", None: "not known yet"}
        return f"{self.label}: {said[self.there]}"


def badges_of(rows: Iterable[ExporterContents], *, known: bool) -> list[Badge]:
    """The badges of an exporter whose directories are `rows`.

    Several directories add up. Without a directory all is absent once a snapshot is `known`, and
    unknown before.
    """
    rows = list(rows)

    def there(field: str) -> bool | None:
        values = [getattr(row, field) for row in rows]
        if any(values):
            return True
        if None in values or not (values or known):
            return None
        return False

    return [Badge(letter, label, there(field)) for letter, field, label in KINDS]
