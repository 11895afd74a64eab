"""Tests of an exporter's badges."""

from types import SimpleNamespace

from hub.models import ExporterContents
from hub.web.pages.badges import badges_of, shared_badges


def marks(*rows: ExporterContents, known: bool = True) -> str:
    return " ".join(badge.mark for badge in badges_of(rows, known=known))


def row(iac: bool | None, alerts: bool | None, dashboard: bool | None) -> ExporterContents:
    """Return a row whose content is usable where it is present."""
    flags = {"iac": iac, "alerts": alerts, "dashboard": dashboard}
    return ExporterContents(**flags, **{f"{name}_usable": flag for name, flag in flags.items()})


def test_broken_content_is_not_usable() -> None:
    broken = ExporterContents(
        iac=True,
        iac_usable=False,
        alerts=True,
        alerts_usable=None,
        dashboard=False,
        dashboard_usable=False,
    )
    assert marks(broken) == "broken unknown absent"
    working = ExporterContents(iac=True, iac_usable=True, alerts=False, dashboard=False)
    assert marks(broken, working) == "ok unknown absent"
    assert badges_of([broken], known=True)[0].words.endswith(": broken")


def test_directories_are_combined() -> None:
    assert marks(row(True, False, False), row(False, False, True)) == "ok absent ok"


def test_unknown_is_never_shown_as_missing() -> None:
    assert marks(row(None, None, None)) == "unknown unknown unknown"
    assert marks(row(False, True, None), row(None, None, True)) == "unknown ok ok"


def test_an_exporter_without_a_directory() -> None:
    assert marks(known=True) == "absent absent absent"
    assert marks(known=False) == "unknown unknown unknown"


def test_exporters_in_the_same_state_share_their_badges() -> None:
    def as_read(counts: str) -> SimpleNamespace:
        """Return a row of `AllContents`."""
        flags = {"iac": False, "alerts": True, "dashboard": None}
        usable = {f"{name}_usable": flag for name, flag in flags.items()}
        return SimpleNamespace(**flags, **usable, counts_json=counts)

    first, same, other = (
        shared_badges([as_read(counts)], known=True)
        for counts in ('{"A": 3}', '{"A": 3}', '{"A": 4}')
    )
    assert first is same
    assert [badge.count for badge in first] == [0, 3, 0]
    assert [badge.count for badge in other] == [0, 4, 0]
    plain = row(False, True, None)
    plain.counts = {"A": 3}
    assert first == badges_of([plain], known=True)
    assert (first.present, first.usable) == ({"A"}, {"A"})
