"""`exporterhub lint` says exactly what the hub says about the same files."""

import json
from pathlib import Path
from typing import Any

from django.test import Client

from hub.content.judgement import MAX_FILES
from hub.content.rules.parsing import MAX_FILE_SIZE
from hub.demo.fake_github import Repository
from hub.lint.directories import directories_at, judge_on_disk
from hub.lint.formats import FORMATS
from hub.models import RunStatus
from tests.common import contents
from tests.conftest import Hub

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
SAME = ("directory", "I", "A", "G", "usable", "evidence", "findings")


def from_disk(repository: Path) -> dict[str, Any]:
    places = directories_at(repository, "contents").items()
    judged = [judge_on_disk(place, unread) for place, unread in places]
    entries = json.loads(FORMATS["json"](judged))["directories"]
    return {entry["directory"]: {name: entry[name] for name in SAME} for entry in entries}


def from_api(hub: Hub, repository: Path) -> dict[str, Any]:
    hub.github.repository = Repository.of_folder(repository)
    hub.add_token()
    assert hub.refresh().status == RunStatus.PUBLISHED
    found = {}
    for name in Client().get("/api/v1/contents").json()["contents"]:
        entry = Client().get(f"/api/v1/contents/{name}").json()
        found[name] = {field: entry[field] for field in SAME}
    return found


def test_the_real_contents(hub: Hub, real_contents: Path) -> None:
    found = from_disk(real_contents)
    assert found == from_api(hub, real_contents)
    assert len(found) == 11
    assert sum(len(entry["findings"]) for entry in found.values()) > 10


def test_what_the_hub_does_not_read(hub: Hub, tmp_path: Path) -> None:
    """Links, large and many files, odd names: the same kinds of content and the same findings."""
    files = {
        "Links/Redis_alert.yaml": contents.alert(),
        "Links/chart/Chart.yaml": contents.CHART,
        "Links/chart/values.yaml": contents.VALUES,
        "Large/Large_alert.yaml": contents.alert().ljust(MAX_FILE_SIZE + 1),
        "Large/Largest_alert.yaml": contents.alert().ljust(MAX_FILE_SIZE),
        "Large/empty_dashboard.json": b"",
        "Odd/new\nline: 50%,_alert.yaml": contents.alert().replace(b"\n", b"\r\n"),
        "Odd/binary_dashboard.json": bytes(range(256)) * 9,
        "Odd/README.md": b"# Odd\n",
        "Odd/lfs_dashboard.json": LFS,
        "Many/chart/templates/rule.yaml": contents.alert(),
        **{
            f"Many/{number:03}_alert.yaml": contents.alert(f"Alert{number}")
            for number in range(MAX_FILES + 5)
        },
        **{f"Many/same/{number}_alert.yaml": contents.alert("Alert1") for number in range(5)},
    }
    for path, data in files.items():
        file = tmp_path / "contents" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    links = {
        "Links/linked_alert.yaml": "Redis_alert.yaml",
        "Links/gone_dashboard.json": "../nowhere",
        "Links/loop_alert.yaml": "loop_alert.yaml",
        "Links/chart/templates": "../../Many/chart/templates",
        "Links/out_of_it_alert.yaml": "../Many/000_alert.yaml",
        "Links/copy": "chart",
        "Links/up": ".",
        "Linked": "Links",
        "Loop": "Loop",
        "note.md": "Gone",
    }
    for path, target in links.items():
        (tmp_path / "contents" / path).symlink_to(target)
    assert from_disk(tmp_path) == from_api(hub, tmp_path)
