"""What the change log says of two publications."""

import pytest

from hub.content.map.rows import ABSENT, Entry
from hub.content.refresh.plan import Difference, differences
from hub.models.choices import ChangeCause, ChangeKind, ChangeWhat

ALERTS = (False, True, False)  # of I, A, G
NOTHING = Entry("a", ABSENT, ABSENT)
UNKNOWN = Entry("a")
WORKS = Entry("a", ALERTS, ALERTS)
BROKEN = Entry("a", ALERTS, ABSENT)
UNREAD = Entry("a", ALERTS, (False, None, False))


def changed(last: Entry | None, new: Entry | None) -> list[tuple[str, str]]:
    """What became of one directory, by kind."""
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
        (UNKNOWN, WORKS, ["gained"]),
        (UNKNOWN, NOTHING, []),
        (WORKS, UNKNOWN, []),
        (NOTHING, UNKNOWN, []),
    ],
)
def test_what_becomes_of_alerts(last: Entry, new: Entry, what: list[str]) -> None:
    assert changed(last, new) == [("A", each) for each in what]


def test_each_kind_speaks_for_itself() -> None:
    last = Entry("a", (True, True, False), (True, True, False))
    new = Entry("a", (False, True, True), (False, False, True))
    assert changed(last, new) == [("I", "lost"), ("A", "broken"), ("G", "gained")]


def test_a_directory_comes_with_what_it_holds() -> None:
    assert changed(None, WORKS) == [("directory", "gained"), ("A", "gained")]
    assert changed(None, UNKNOWN) == [("directory", "gained")]


def test_a_directory_goes_with_what_it_held() -> None:
    assert changed(WORKS, None) == [("directory", "lost"), ("A", "lost")]
    assert changed(UNKNOWN, None) == [("directory", "lost")]


@pytest.mark.parametrize(
    ("sha", "cause"), [("a", ChangeCause.RULES), ("b", ChangeCause.PUSH), ("", ChangeCause.PUSH)]
)
def test_the_cause(sha: str, cause: ChangeCause) -> None:
    assert differences({"Redis": NOTHING}, {"Redis": WORKS._replace(tree_sha=sha)}) == [
        Difference("Redis", ChangeKind.ALERTS, ChangeWhat.GAINED, cause)
    ]


def test_directories_come_in_the_order_of_their_names() -> None:
    last = {"b": NOTHING, "C": WORKS}
    new = {"b": WORKS, "a": NOTHING, "D": NOTHING}
    assert [each.directory for each in differences(last, new)] == ["a", "b", "C", "C", "D"]
