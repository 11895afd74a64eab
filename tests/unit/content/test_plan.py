"""Tests of the new map after a run, and of the change log."""

from datetime import UTC, datetime

import pytest

from hub.content.map.rows import ABSENT, UNKNOWN, Flags, MapEntry
from hub.content.refresh.plan import Difference, PublicationPlan, differences, plan_publication
from hub.models.choices import ChangeCause, ChangeKind, ChangeWhat

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
OLDER = datetime(2025, 1, 1, tzinfo=UTC)
ALERTS = ((False, True, False), (False, True, False))  # of I, A, G: present, usable


def plan(
    listing: dict[str, str],
    judged: dict[str, tuple[Flags, Flags]] | None = None,
    last: dict[str, MapEntry] | None = None,
    owners: dict[str, int] | None = None,
    *,
    last_is_current: bool = True,
) -> PublicationPlan:
    return plan_publication(
        listing,
        judged or {},
        owners or {},
        last or {},
        why_failed=lambda _: "server_fault",
        last_as_of=BEFORE,
        last_is_current=last_is_current,
        shrink_limit=0.5,
    )


def known(sha: str, **fields: object) -> MapEntry:
    return MapEntry(sha, (True, False, False), (True, False, False), **fields)  # type: ignore[arg-type]


def test_every_entry_names_the_exporter_that_owns_its_directory_now() -> None:
    last = {"Kept": known("k", exporter=1), "Failed": known("old", exporter=1)}
    listing = {"Judged": "j", "Kept": "k", "Failed": "new", "New": "n"}
    owners = {"Judged": 2, "Kept": 3, "New": 4}
    entries = plan(listing, {"j": ALERTS}, last, owners).entries
    exporters = {name: entry.exporter for name, entry in entries.items()}
    assert exporters == {"Judged": 2, "Kept": 3, "Failed": None, "New": 4}
    assert entries["Kept"] == known("k", exporter=3)
    assert entries["Failed"] == known("old", stale="server_fault", as_of=BEFORE)


def test_a_judged_tree_is_fresh() -> None:
    result = plan({"Redis": "a"}, {"a": ALERTS})
    assert result.entries["Redis"] == MapEntry("a", *ALERTS)
    assert result.complete
    assert not result.all_failed


def test_a_damaged_row_is_replaced_by_the_judgement_of_its_tree() -> None:
    damaged = known("a")._replace(present=(False, False, True))
    result = plan({"Redis": "a"}, {"a": ALERTS}, {"Redis": damaged})
    assert result.entries["Redis"] == MapEntry("a", *ALERTS)


def test_an_unchanged_tree_keeps_its_entry() -> None:
    assert plan({"Redis": "a"}, last={"Redis": known("a")}).entries["Redis"] == known("a")


def test_a_failed_directory_keeps_its_last_good_entry_with_its_time() -> None:
    result = plan({"Redis": "b", "Kafka": "k"}, {"k": ALERTS}, {"Redis": known("a")})
    assert result.entries["Redis"] == known("a", stale="server_fault", as_of=BEFORE)
    assert not result.complete


def test_an_entry_that_was_stale_before_keeps_its_time() -> None:
    last = {"Redis": known("a", stale="deadline", as_of=OLDER)}
    result = plan({"Redis": "b", "Kafka": "k"}, {"k": ALERTS}, last)
    assert result.entries["Redis"].as_of == OLDER


def test_a_stale_entry_is_fresh_again_when_its_tree_comes_back() -> None:
    last = {"Redis": known("a", stale="deadline", as_of=OLDER)}
    assert plan({"Redis": "a"}, {"a": ALERTS}, last).entries["Redis"].stale == ""


def test_an_entry_of_older_rules_is_stale_until_its_tree_is_judged_again() -> None:
    last = {"Redis": known("a"), "Kafka": known("k")}
    listing = {"Redis": "a", "Kafka": "k"}
    result = plan(listing, {"k": ALERTS}, last, last_is_current=False)
    assert result.entries["Redis"].stale == "server_fault"
    assert result.entries["Kafka"] == MapEntry("k", *ALERTS)


def test_a_failed_directory_without_an_earlier_entry_is_unknown_and_never_false() -> None:
    entry = plan({"New": "n", "Kafka": "k"}, {"k": ALERTS}).entries["New"]
    assert entry.present == entry.usable == UNKNOWN


def test_a_removed_directory_leaves_the_map() -> None:
    last = {"Redis": known("a"), "Gone": known("g")}
    assert set(plan({"Redis": "a"}, last=last).entries) == {"Redis"}


def test_all_failed() -> None:
    assert plan({"Redis": "b", "Kafka": "k"}, last={"Redis": known("a")}).all_failed
    assert not plan({}).all_failed


def test_at_most_half_of_the_directories_may_disappear_at_once() -> None:
    last = {name: known(name) for name in "abcd"}
    assert not plan({"a": "a", "b": "b"}, last=last).shrunk
    assert plan({"a": "a"}, last=last).shrunk
    assert plan({}, last=last).shrunk


# --- the change log -------------------------------------------------------------------------------

PRESENT = (False, True, False)  # of I, A, G
NOTHING = MapEntry("a", ABSENT, ABSENT)
NOT_KNOWN = MapEntry("a")
WORKS = MapEntry("a", PRESENT, PRESENT)
BROKEN = MapEntry("a", PRESENT, ABSENT)
UNREAD = MapEntry("a", PRESENT, (False, None, False))


def changed(last: MapEntry | None, new: MapEntry | None) -> list[tuple[str, str]]:
    """Return the changes of one directory: (kind, what)."""
    found = differences({"Redis": last} if last else {}, {"Redis": new} if new else {})
    assert {difference.directory for difference in found} <= {"Redis"}
    return [(difference.kind.value, difference.what.value) for difference in found]


@pytest.mark.parametrize(
    ("last", "new", "what"),
    [
        (NOTHING, NOTHING, []),
        (WORKS, WORKS, []),
        (NOTHING, WORKS, ["gained"]),
        (NOTHING, BROKEN, ["gained"]),
        (NOTHING, UNREAD, ["gained"]),
        (WORKS, NOTHING, ["lost"]),
        (BROKEN, NOTHING, ["lost"]),
        (WORKS, BROKEN, ["broken"]),
        (BROKEN, WORKS, ["usable"]),
        (WORKS, UNREAD, []),
        (UNREAD, WORKS, []),
        (BROKEN, UNREAD, []),
        (NOT_KNOWN, WORKS, ["gained"]),
        (NOT_KNOWN, NOTHING, []),
        (WORKS, NOT_KNOWN, []),
        (NOTHING, NOT_KNOWN, []),
    ],
)
def test_changes_of_alerts(last: MapEntry, new: MapEntry, what: list[str]) -> None:
    assert changed(last, new) == [("A", each) for each in what]


def test_kinds_change_independently() -> None:
    last = MapEntry("a", (True, True, False), (True, True, False))
    new = MapEntry("a", (False, True, True), (False, False, True))
    assert changed(last, new) == [("I", "lost"), ("A", "broken"), ("G", "gained")]


def test_a_new_directory_gains_its_contents() -> None:
    assert changed(None, WORKS) == [("directory", "gained"), ("A", "gained")]
    assert changed(None, NOT_KNOWN) == [("directory", "gained")]


def test_a_removed_directory_loses_its_contents() -> None:
    assert changed(WORKS, None) == [("directory", "lost"), ("A", "lost")]
    assert changed(NOT_KNOWN, None) == [("directory", "lost")]


@pytest.mark.parametrize(
    ("sha", "cause"), [("a", ChangeCause.RULES), ("b", ChangeCause.PUSH), ("", ChangeCause.PUSH)]
)
def test_the_cause(sha: str, cause: ChangeCause) -> None:
    assert differences({"Redis": NOTHING}, {"Redis": WORKS._replace(tree_sha=sha)}) == [
        Difference("Redis", ChangeKind.ALERTS, ChangeWhat.GAINED, cause)
    ]


def test_changes_are_sorted_by_directory() -> None:
    last = {"b": NOTHING, "C": WORKS}
    new = {"b": WORKS, "a": NOTHING, "D": NOTHING}
    assert [each.directory for each in differences(last, new)] == ["a", "b", "C", "C", "D"]
