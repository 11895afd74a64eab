"""Tests of versions in paths, and their order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.content.content_files import directory_version, newest_first

fuzzed = settings(derandomize=True, max_examples=200, deadline=None, database=None)


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("nc/v1.2.3/A_alert.yaml", "v1.2.3"),
        ("nc/1.0/A_alert.yaml", "1.0"),
        ("nc/helm-chart/v0.9.1/Chart.yaml", "v0.9.1"),
        ("v2/alert.yaml", "v2"),
        ("V1.2/alert.yaml", "V1.2"),
        ("v.1.2/alert.yaml", "v.1.2"),
        ("1.0.0-rc1/alert.yaml", "1.0.0-rc1"),
        ("1.2.3-debian-10-r5/alert.yaml", "1.2.3-debian-10-r5"),
        ("v1.0.0+build.5/alert.yaml", "v1.0.0+build.5"),
        ("v1.0/v2.0/alert.yaml", "v1.0"),
        ("alert.yaml", ""),
        ("nc/alert.yaml", ""),
        ("nc/v1.2.3", ""),
        ("2021/alert.yaml", ""),
        ("vendor/alert.yaml", ""),
        ("v1.x/alert.yaml", ""),
        ("redis-1.2.3/alert.yaml", ""),
        ("1.2.3-/alert.yaml", ""),
        ("٣.٤/alert.yaml", ""),
    ],
)
def test_the_version_of_a_path(path: str, version: str) -> None:
    assert directory_version(path) == version


@pytest.mark.parametrize(
    "name", ["1.0" + "a" * 5_000 + "!", "1" + ".1" * 5_000 + "!", "1." + "1" * 5_000 + "!"]
)
def test_no_folder_takes_long(name: str) -> None:
    """With backtracking, each of these would take far too long."""
    assert directory_version(f"{name}/alert.yaml") == ""


@pytest.mark.parametrize(
    "versions",
    [
        ["0.10.0", "0.9.0"],
        ["v2.0.0", "v1.10.0", "v1.9.0"],
        ["1.0", "v0.9"],
        ["1.0.0", "1.0.0-rc2", "1.0.0-rc1", "1.0.0-beta", "1.0.0-alpha"],
        ["1.2.4", "1.2.3-debian-10-r5", "1.2.2"],
        ["v10", "v9"],
        ["0.1", "latest"],
        ["2.0-nc", "1.9"],
        ["9" * 5_000 + ".1", "1.0"],
    ],
)
def test_the_newest_version_is_first(versions: list[str]) -> None:
    assert newest_first(versions) == versions
    assert newest_first(reversed(versions)) == versions


def test_versions_are_distinct() -> None:
    assert newest_first(["1.0", "2.0", "1.0"]) == ["2.0", "1.0"]
    assert newest_first([]) == []


@fuzzed
@given(st.lists(st.one_of(st.text(), st.from_regex(r"v?\d{1,3}(\.\d{1,3}){0,3}(-\w+)?"))))
def test_the_order_is_deterministic(versions: list[str]) -> None:
    ordered = newest_first(versions)
    assert sorted(ordered) == sorted(set(versions))
    assert newest_first(reversed(ordered)) == ordered


@fuzzed
@given(st.text(alphabet="v01.-+/a", max_size=40))
def test_a_version_is_a_folder_of_its_path(path: str) -> None:
    assert directory_version(path) in {"", *path.split("/")[:-1]}
