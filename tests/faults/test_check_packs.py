"""The checks of packs and of lists of metrics, each with what it lets pass and what it finds."""

import io
import json
import zipfile
from dataclasses import replace

import pytest

from tests.faults.answers import Item, Pack, metrics_in, parse_pack, rules_item
from tests.faults.check_packs import Floors, check_metrics, check_packs
from tests.faults.findings import Finding
from tests.faults.readers import Body, Read
from tests.faults.truth import Commit, Folder, file_of

NONE = dict.fromkeys("IAG", False)


def folder(salt: int, kinds: str = "A") -> Folder:
    return Folder(f"{salt:040x}", dict(file_of(kind, salt) for kind in kinds))


def commit(number: int, at: float, alpha: Folder) -> Commit:
    return Commit(number, f"root {number}", {}, {"Alpha": alpha}, visible_from=at)


COMMITS = [commit(0, 100, folder(1)), commit(1, 200, folder(2, "IAG")), commit(2, 300, folder(3))]
SNAPSHOTS = {number: f"root {number}" for number in range(3)}


def items(of: Folder) -> tuple[Item, ...]:
    found = [
        rules_item(data) if path == "alerts.yaml" else ("G", data.decode())
        for path, data in of.files.items()
        if path != "chart/Chart.yaml"
    ]
    return tuple(sorted(found))


def manifest(of: Folder) -> Pack:
    return Pack(f"digest of {of.tree_sha}", (("Alpha", of.tree_sha),), items(of))


def read(pack: Pack, at: float, reader: str = "manifest", pin: str = "") -> Read:
    return Read(reader, at, at + 0.1, 200, pack=pack, pin=pin)


def map_of(run: int, at: float, *, stale: bool = False) -> Read:
    marks = {"Alpha": 50.0} if stale else {}
    return Read("map", at, at, 200, body=Body("fresh", None, at, run, {"Alpha": NONE}, marks))


def faults(*reads: Read, lag: float = 1.0) -> list[str]:
    floors = Floors(reads, COMMITS, SNAPSHOTS)
    found: list[Finding] = [
        *check_packs(reads, COMMITS, floors),
        *check_metrics(reads, COMMITS, floors, lag),
    ]
    return [finding.what for finding in found]


FIRST, SECOND, THIRD = (manifest(each.folders["Alpha"]) for each in COMMITS)


@pytest.mark.parametrize(
    ("reads", "fault"),
    [
        ([read(FIRST, 150), read(SECOND, 250), read(THIRD, 350)], None),
        ([read(FIRST, 350)], None),  # nobody got anything newer
        ([read(SECOND, 150)], "shows Alpha as in no commit"),  # GitHub does not have it yet
        ([read(SECOND, 250), read(FIRST, 260)], "in commit 0, which is older than 1"),
        ([map_of(1, 250), read(FIRST, 260)], "in commit 0, which is older than 1"),
        ([map_of(1, 250, stale=True), read(FIRST, 260)], None),
        ([map_of(1, 250), read(FIRST, 249)], None),  # sent before
        ([read(manifest(folder(9)), 250)], "shows Alpha as in no commit"),
        ([read(replace(SECOND, resources=()), 250)], "lacks"),
        ([read(replace(SECOND, resources=SECOND.resources[:1]), 250)], "lacks"),
        ([read(replace(FIRST, resources=SECOND.resources), 250)], "should not have"),
        ([read(FIRST, 150), read(replace(FIRST, digest="other"), 160)], "has other bytes"),
    ],
)
def test_a_pack_is_that_of_its_trees(reads: list[Read], fault: str | None) -> None:
    found = faults(*reads)
    assert len(found) == (1 if fault else 0)
    assert not fault or fault in found[0]


def test_a_pinned_pack_stays_as_it_was() -> None:
    [(_, tree)] = FIRST.trees
    later = [read(FIRST, 150), map_of(2, 350)]
    assert not faults(*later, read(FIRST, 360, "pinned", tree))
    other = replace(FIRST, digest="other")
    assert "has other bytes" in faults(*later, read(other, 360, "pinned", tree))[0]
    assert "not of the pinned tree" in faults(*later, read(THIRD, 360, "pinned", tree))[0]


def metrics(name: str, at: float, reader: str = "metrics") -> Read:
    return Read(reader, at, at + 0.1, 200, metrics=metrics_in(name.encode()))


def test_there_are_no_metrics_before_the_first_snapshot() -> None:
    assert not faults(metrics("nothing", 99), map_of(0, 100))


@pytest.mark.parametrize(
    ("reads", "fault"),
    [
        ([metrics("up_1", 150), metrics("up_2", 250)], None),
        ([metrics("up_1 up_2", 250)], "shows Alpha as in no commit"),
        ([metrics("nothing", 250)], "shows Alpha as in no commit"),
        ([metrics("up_2", 250), metrics("up_1", 260)], "in commit 0, which is older than 1"),
        ([map_of(1, 250), metrics("up_1", 250.5)], "in commit 0, which is older than 1"),
        ([map_of(1, 250), metrics("up_1", 250.5, "tab")], None),  # of another process
        ([map_of(1, 250), metrics("up_1", 251.5, "tab")], "in commit 0, which is older than 1"),
    ],
)
def test_metrics_are_those_of_a_commit(reads: list[Read], fault: str | None) -> None:
    found = faults(map_of(0, 100), *reads)
    assert len(found) == (1 if fault else 0)
    assert not fault or fault in found[0]


ABOUT = f"# Folder: contents/Alpha, tree {'5' * 40}\n---\n"
RULES = json.dumps({"kind": "PrometheusRule", "spec": {"groups": [{"name": "a"}]}})
BOARD = json.dumps({"kind": "ConfigMap", "data": {"a.json": "{}"}})
A, G = ("A", '[{"name": "a"}]'), ("G", "{}")


def test_a_manifest_is_parsed() -> None:
    pack = parse_pack(f"{ABOUT}{RULES}\n---\n{BOARD}\n".encode(), "digest")
    assert pack == Pack("digest", (("Alpha", "5" * 40),), (A, G))


def test_a_zip_is_parsed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for path, text in {
            "README.md": f"- folder `contents/Alpha`, git tree `{'5' * 40}`",
            "kubernetes/a.yaml": RULES,
            "rules/a.yaml": '{"groups": [{"name": "a"}]}',
            "dashboards/a.json": "{}",
            "files/Alpha/chart/Chart.yaml": "name: a",
        }.items():
            zipped.writestr(f"exporters/{path}", text)
    pack = parse_pack(buffer.getvalue(), "digest")
    assert pack == Pack("digest", (("Alpha", "5" * 40),), (A,), (A, G, ("I", "name: a")))
