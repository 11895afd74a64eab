"""Content that the hub cannot read: links, submodules, Git LFS, too large, too many files."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hub.content.judgement import MAX_FILES
from hub.models import (
    Category,
    ContentEdit,
    ContentTree,
    Exporter,
    ExporterContents,
    Reason,
    RunStatus,
)
from tests.common import contents
from tests.conftest import Hub

LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
UNKNOWN = {"I": None, "A": None, "G": None}
ALERTS = {"I": False, "A": True, "G": False}
NOTHING = {"I": False, "A": False, "G": False}


def add_exporter(title: str) -> None:
    category, _ = Category.objects.get_or_create(name="Database")
    repository = f"https://github.com/tests/{title}"
    Exporter.objects.create(
        slug=title.lower(), title=title, repository=repository, category=category
    )


def directory(name: str) -> Any:
    return Client().get(f"/api/v1/contents/{name}").json()


def kinds(name: str) -> dict[str, bool | None]:
    found = directory(name)
    return {letter: found[letter] for letter in UNKNOWN}


def reasons(name: str) -> dict[str, str]:
    return {finding["path"]: finding["reason"] for finding in directory(name)["findings"]}


def link(hub: Hub, path: str, target: str) -> None:
    hub.github.repository.link(f"contents/{path}", target)


def outside_link(hub: Hub) -> None:
    link(hub, "Redis/x.yaml", "../../elsewhere/x.yaml")


def folder_link(hub: Hub) -> None:
    link(hub, "Redis/v1.2", "../Kafka/v1.2")


def dangling_link(hub: Hub) -> None:
    link(hub, "Redis/x.yaml", "y.yaml")


def loop(hub: Hub) -> None:
    link(hub, "Redis/x.yaml", "x.yaml")


def submodule(hub: Hub) -> None:
    hub.github.repository.add_submodule("contents/Redis/mixin")


def lfs_pointer(hub: Hub) -> None:
    hub.write("Redis/dashboard.json", LFS)


def large_file(hub: Hub) -> None:
    hub.write("Redis/x.yaml", b"#" * 3_000_000)


CASES: dict[Callable[[Hub], None], tuple[str, str]] = {
    outside_link: ("x.yaml", "a symbolic link to ../../elsewhere/x.yaml"),
    folder_link: ("v1.2", "a symbolic link to ../Kafka/v1.2"),
    dangling_link: ("x.yaml", "a symbolic link to y.yaml"),
    loop: ("x.yaml", "a symbolic link to x.yaml"),
    submodule: ("mixin", "a submodule"),
    lfs_pointer: ("dashboard.json", "a pointer of Git LFS"),
    large_file: ("x.yaml", "too large to check: 2.9 MB"),
}


@pytest.mark.parametrize("act", CASES, ids=lambda act: act.__name__)
def test_what_cannot_be_read_is_unknown_and_a_finding_says_why(
    hub: Hub, act: Callable[[Hub], None]
) -> None:
    hub.add_token()
    add_exporter("Redis")
    hub.fill("Redis/README.md")
    act(hub)
    assert hub.refresh().status == RunStatus.PUBLISHED
    assert kinds("Redis") == UNKNOWN
    assert directory("Redis")["evidence"] == {"I": [], "A": [], "G": []}
    path, reason = CASES[act]
    assert reasons("Redis")[path].startswith(f"not read: {reason}")
    for tab in ("alerts", "dashboards", "iac"):
        page = Client().get(f"/exporters/redis/{tab}").content.decode()
        assert reason in page
        assert "contains any" not in page
    hub.fill("Redis/alert.yaml")
    hub.refresh()
    assert kinds("Redis") == UNKNOWN | {"A": True}, "what was read is present"


def test_more_files_than_are_read(hub: Hub) -> None:
    hub.add_token()
    for number in range(MAX_FILES + 20):
        hub.write(f"Many/part-{number:03}.yaml", b"a: %d\n" % number)
    hub.fill("Many/zz-alert.yaml", "Many/README.md")
    hub.refresh()
    assert kinds("Many") == UNKNOWN
    expected = f"21 files were not read: the hub reads {MAX_FILES} files of a directory"
    assert reasons("Many")["."] == expected
    hub.fill("Many/alert.yaml")
    hub.refresh()
    assert kinds("Many") == UNKNOWN | {"A": True}
    assert reasons("Many")["."].startswith("22 files")


def test_links_inside_a_directory_are_followed(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/v1.2/alert.yaml", "Kafka/rules/prose.md")
    link(hub, "Redis/latest", "v1.2")
    hub.write("Kafka/alert.tmpl", contents.alert())
    link(hub, "Kafka/alert.yaml", "alert.tmpl")
    run = hub.refresh()
    assert kinds("Redis") == kinds("Kafka") == ALERTS
    assert directory("Redis")["evidence"]["A"] == ["latest/alert.yaml", "v1.2/alert.yaml"]
    assert directory("Kafka")["evidence"]["A"] == ["alert.tmpl", "alert.yaml"]
    assert reasons("Redis") == reasons("Kafka") == {}
    assert run.failed == 0


def test_a_link_that_hides_nothing_is_no_finding(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    for name in ("README.md", "LICENSE", "logo.png"):
        link(hub, f"Redis/{name}", f"../../{name}")
    hub.refresh()
    assert (kinds("Redis"), reasons("Redis")) == (ALERTS, {})


def test_a_link_beside_a_directory_is_listed_with_its_contents(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Target/alert.yaml")
    link(hub, "Linked", "Target")
    link(hub, "Twice", "./Linked/")
    run = hub.refresh()
    assert kinds("Linked") == kinds("Twice") == kinds("Target") == ALERTS
    assert (run.directories, run.failed) == (3, 0)
    hub.write("Target/alert.yaml", b"a: b\n")
    hub.refresh()
    assert kinds("Linked") == kinds("Twice") == kinds("Target") == NOTHING


@pytest.mark.parametrize("first", ["submodule", "directory"])
def test_a_submodule_with_the_sha_of_a_tree_is_no_directory(hub: Hub, first: str) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    redis = hub.github.repository.find("main", "contents/Redis")
    assert redis is not None
    if first == "directory":
        hub.refresh()
    else:
        hub.github.repository.delete("contents/Redis")
    hub.github.repository.add_submodule("contents/Module", redis.sha)
    hub.refresh()
    assert kinds("Module") == UNKNOWN
    hub.fill("Redis/alert.yaml", "Kafka/alert.yaml")
    hub.refresh()
    assert (kinds("Module"), kinds("Redis")) == (UNKNOWN, ALERTS)


def test_other_links_and_submodules_are_listed_as_unknown(hub: Hub) -> None:
    hub.add_token()
    add_exporter("Outside")
    hub.fill("Redis/alert.yaml")
    link(hub, "Outside", "../elsewhere")
    hub.github.repository.add_submodule("contents/Module")
    link(hub, "README.md", "../README.md")
    link(hub, "LICENSE", "../LICENSE")
    link(hub, "deeper", "Redis/alert.yaml")
    hub.refresh()
    rows = ExporterContents.objects.values_list("directory", flat=True)
    assert sorted(rows) == ["Module", "Outside", "Redis", "deeper"]
    assert kinds("Outside") == kinds("Module") == UNKNOWN
    assert "symbolic link" in reasons("Outside")["."]
    assert "submodule" in reasons("Module")["."]
    assert "symbolic link" in Client().get("/exporters/outside/alerts").content.decode()
    page = Client().get("/directories/Module").content.decode()
    assert "submodule" in page
    assert "is empty" not in page
    run, paths = hub.count()
    assert (run.status, len(paths)) == (RunStatus.UNCHANGED, 1)
    hub.fill("Redis/dashboard.json")
    assert hub.refresh(full=True).failed == 0


def test_a_linked_contents_path_is_refused_with_the_reason(hub: Hub) -> None:
    hub.add_token()
    hub.github.repository.write("real/Redis/alert.yaml", contents.alert())
    hub.github.repository.link("contents", "real")
    run = hub.refresh()
    assert (run.status, run.reason) == (RunStatus.FAILED, Reason.NOT_FOUND)
    assert "symbolic link: set GITHUB_CONTENTS_PATH to its target" in run.detail


@pytest.mark.parametrize(
    ("where", "path", "hint"),
    [
        ("Redis", "latest/alert.yaml", "edit 'v1.2'"),
        ("Redis", "link.yaml", "edit 'v1.2/alert.yaml'"),
        ("Redis", "out/new.yaml", "is a symbolic link"),
        ("Linked", "v1.2/alert.yaml", "edit the file in 'Redis'"),
        ("Module", "alert.yaml", "not a directory"),
    ],
)
def test_a_file_behind_a_link_is_not_edited(hub: Hub, where: str, path: str, hint: str) -> None:
    hub.add_token()
    hub.fill("Redis/v1.2/alert.yaml")
    link(hub, "Redis/latest", "v1.2")
    link(hub, "Redis/link.yaml", "v1.2/alert.yaml")
    link(hub, "Redis/out", "../Kafka")
    link(hub, "Linked", "Redis")
    hub.github.repository.add_submodule("contents/Module")
    hub.refresh()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    edit = {"directory": where, "path": path, "text": contents.alert("Other").decode()}
    answer = client.post("/api/v1/edits", edit, content_type="application/json")
    assert answer.status_code == 422, answer.content
    assert hint in answer.content.decode()
    assert not ContentEdit.objects.exists()


def test_trees_stored_without_their_links_are_fetched_again(hub: Hub) -> None:
    """As after an upgrade from a version that stored a link as a file with its target as text."""
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    outside_link(hub)
    hub.refresh()
    ContentTree.objects.update(links=None, unread={}, rules=0)
    run = hub.refresh(full=True)
    assert run.status == RunStatus.PUBLISHED
    assert kinds("Redis") == UNKNOWN | {"A": True}
