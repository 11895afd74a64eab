"""The kinds of content: the one registry that every other list of them is derived from.

A new kind is an entry here with its judge, a migration for its two columns of `ExporterContents`,
and the template of its tab.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of content.

    `field` names two columns of `ExporterContents`: `field` says whether content of the kind is
    present, `usable_field` whether it is usable.
    """

    letter: str
    field: str
    label: str
    short_label: str

    @property
    def usable_field(self) -> str:
        """The column that says whether the content is usable."""
        return f"{self.field}_usable"


KINDS = (
    Kind("I", "iac", "Infrastructure as code", "IaC"),
    Kind("A", "alerts", "Alerting rules", "Alerts"),
    Kind("G", "dashboard", "Grafana dashboard", "Dashboard"),
)


def any_known(values: Iterable[bool | None], *, known: bool) -> bool | None:
    """Whether any of an exporter's directories has something.

    One that has it is enough; an unknown one leaves the answer open (None). Without a directory
    the answer is False once a snapshot is `known`, and None before.
    """
    values = list(values)
    if any(values):
        return True
    if None in values or not (values or known):
        return None
    return False
