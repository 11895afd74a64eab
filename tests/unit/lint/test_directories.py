"""Which directories `exporterhub lint` checks, and what it makes of files that are hard to read."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.content.judgement import MAX_FILES, Judgement
from hub.content.rules.parsing import MAX_FILE_SIZE
from hub.lint.directories import directories_at, judge_on_disk
from tests.common import contents


def write(folder: Path, *paths: str) -> Path:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents.of_its_name(path))
    return folder


def findings(judgement: Judgement) -> list[tuple[str, str, str]]:
    return [(each.level, each.path, each.reason) for each in judgement.findings]


# --- which directories ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "contents_path", "found"),
    [
        (".", "contents", ["contents/Kafka", "contents/redis"]),
        ("contents", "contents", ["contents/Kafka", "contents/redis"]),
        ("contents/redis", "contents", ["contents/redis"]),
        ("other", "contents", ["other"]),
        ("other", "other", ["other/one"]),
        (".", "/other/", ["other/one"]),
        (".", "contents/Kafka", ["contents/Kafka/nc"]),
        ("contents/Kafka", "contents/Kafka", ["contents/Kafka/nc"]),
        ("contents", "", ["contents/Kafka", "contents/redis"]),
    ],
)
def test_which_folders_are_directories(
    tmp_path: Path, path: str, contents_path: str, found: list[str]
) -> None:
    write(tmp_path, "contents/Kafka/nc/alert.yaml", "contents/redis/alert.yaml", "contents/a.yaml")
    write(tmp_path, "other/one/alert.yaml", "contents/.git/alert.yaml", "README.md")
    write(tmp_path, ".git/HEAD")
    os.mkfifo(tmp_path / "contents" / "fifo")
    places = directories_at(tmp_path / path, contents_path)
    assert [place.relative_to(tmp_path).as_posix() for place in places] == found
    assert set(places.values()) == {""}


def test_a_path_is_resolved_before_its_name_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "contents/Redis/alert.yaml")
    (tmp_path / "link").symlink_to("contents")
    monkeypatch.chdir(tmp_path / "contents")
    assert directories_at(Path(), "contents") == {Path("Redis"): ""}
    assert directories_at(tmp_path / "link", "contents") == {tmp_path / "link/Redis": ""}
    assert [judge_on_disk(Path(path)).name for path in (".", "Redis/..")] == ["contents"] * 2


def test_links_and_submodules_in_the_contents_folder(tmp_path: Path) -> None:
    write(tmp_path, "contents/Redis/alert.yaml", "contents/sub/.git", "contents/sub/alert.yaml")
    for name, target in (("same", "Redis"), ("loop", "loop"), ("out", ".."), ("a.yaml", "gone")):
        (tmp_path / "contents" / name).symlink_to(target)
    judged = {
        place.name: judge_on_disk(place, unread).judgement
        for place, unread in directories_at(tmp_path, "contents").items()
    }
    link = "not read: a symbolic link, and not to a directory beside it"
    assert {name: findings(judgement) for name, judgement in judged.items()} == {
        "Redis": [],
        "same": [],
        "loop": [("warning", ".", link)],
        "out": [("warning", ".", link)],
        "sub": [("warning", ".", "not read: a submodule, whose files are in another repository")],
    }
    assert judged["same"] == judged["Redis"]


# --- files as git stores them ---------------------------------------------------------------------


def test_what_git_does_not_store_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, "Redis_alert.yaml", ".git/broken_alert.yaml", "sub/.GIT/broken_alert.yaml")
    os.mkfifo(tmp_path / "fifo_alert.yaml")
    judged = judge_on_disk(tmp_path)
    assert (judged.files, judged.judgement.evidence()["A"]) == (1, ["Redis_alert.yaml"])
    assert findings(judged.judgement) == []


def test_links_and_submodules_are_not_left(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", "secret_alert.yaml")
    directory = write(tmp_path / "Redis", "Redis_alert.yaml", "data/1.bin", "sub/.git/HEAD")
    write(directory, "sub/submodule_alert.yaml", "empty/x").joinpath("empty/x").unlink()
    (directory / "data/1.bin").write_bytes(contents.alert("Linked"))
    for name, target in (
        ("linked_alert.yaml", "data/1.bin"),
        ("loop", "loop"),
        ("out", outside),
        ("to_empty", "empty"),
        ("gone_alert.yaml", "/nowhere"),
    ):
        (directory / name).symlink_to(target)
    judged = judge_on_disk(directory)
    assert judged.judgement.evidence()["A"] == ["Redis_alert.yaml", "linked_alert.yaml"]
    assert {each.path for each in judged.judgement.findings} == {
        *("loop", "out", "to_empty", "gone_alert.yaml", "sub"),
    }
    assert {each.level for each in judged.judgement.findings} == {"warning"}


def test_files_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge_alert.yaml").open("wb") as file:
        file.truncate(10**12)  # sparse
    (tmp_path / "largest_alert.yaml").write_bytes(contents.alert().ljust(MAX_FILE_SIZE))
    judgement = judge_on_disk(tmp_path).judgement
    assert judgement.evidence()["A"] == ["largest_alert.yaml"]
    assert [each.path for each in judgement.findings if each.level == "warning"] == [
        "huge_alert.yaml"
    ]


def test_no_more_files_are_read_than_by_the_hub(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number:03}_alert.yaml" for number in range(MAX_FILES + 1)))
    (tmp_path / "same_alert.yaml").write_bytes((tmp_path / "000_alert.yaml").read_bytes())
    judgement = judge_on_disk(tmp_path).judgement
    assert len(judgement.evidence()["A"]) == MAX_FILES + 1
    assert findings(judgement) == [
        ("warning", ".", "1 file was not read: the hub reads 300 files of a directory")
    ]


# --- files that are hard to read ------------------------------------------------------------------


@pytest.fixture
def without_rights() -> Iterator[None]:
    """Give up the rights of root, who can read every file."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nobody
    yield
    os.seteuid(user)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may read; pytest's own are below a folder of their owner."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_unreadable_files_are_errors(public_folder: Path, request: pytest.FixtureRequest) -> None:
    contents_folder = public_folder / "contents"
    directory = write(contents_folder / "Redis", "Redis_alert.yaml", "sub/alert.yaml")
    write(directory, "Redis_dashboard.json", "picture.png")
    closed = write(contents_folder / "Closed", "alert.yaml")
    for path in ("Redis_alert.yaml", "picture.png", "sub", closed):
        (directory / path).chmod(0)
    for folder in (contents_folder, directory):
        folder.chmod(0o755)
    request.getfixturevalue("without_rights")
    assert directories_at(contents_folder, contents_folder.name) == {
        closed: "",
        directory: "",
    }
    assert findings(judge_on_disk(closed).judgement) == [
        ("error", ".", "cannot be read: Permission denied")
    ]
    judged = judge_on_disk(directory)
    errors = [each for each in findings(judged.judgement) if each[0] == "error"]
    assert errors == [
        ("error", "Redis_alert.yaml", "cannot be read: Permission denied"),
        ("error", "picture.png", "cannot be read: Permission denied"),
        ("error", "sub", "cannot be read: Permission denied"),
    ]
    kinds = judged.judgement.kinds()
    assert kinds == {"I": [None, None], "A": [None, None], "G": [True, True]}


def test_a_directory_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    judged = judge_on_disk(tmp_path / "gone")
    assert findings(judged.judgement) == [
        ("error", ".", "cannot be read: No such file or directory")
    ]


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Callable[[str, int], int]]:
    """Create folders inside each other, with a name; return the descriptor of the innermost."""

    def create(name: str, depth: int) -> int:
        here = os.open(tmp_path, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=here)
            below = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        return here

    yield create
    subprocess.run(["rm", "-rf", tmp_path], check=True)  # Python's own function is recursive


def test_paths_that_are_too_long_are_errors(
    tmp_path: Path, deep: Callable[[str, int], int]
) -> None:
    os.close(deep("x" * 250, 20))
    (finding,) = judge_on_disk(tmp_path).judgement.findings
    assert (finding.level, finding.reason) == ("error", "cannot be read: File name too long")


def test_deeply_nested_folders(tmp_path: Path, deep: Callable[[str, int], int]) -> None:
    innermost = deep("x", 1500)
    file = os.open("Redis_alert.yaml", os.O_WRONLY | os.O_CREAT, dir_fd=innermost)
    os.write(file, contents.alert())
    os.close(file)
    os.close(innermost)
    assert judge_on_disk(tmp_path).judgement.evidence()["A"] != []


def test_odd_names_and_contents(tmp_path: Path) -> None:
    for name in (b"caf\xe9_alert.yaml", b"new\nline_alert.yaml", b"\x1b[31mred_alert.yaml"):
        (tmp_path / os.fsdecode(name)).write_bytes(contents.alert())
    (tmp_path / "binary_alert.yaml").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "crlf_alert.yaml").write_bytes(contents.alert().replace(b"\n", b"\r\n"))
    judgement = judge_on_disk(tmp_path).judgement
    assert judgement.evidence()["A"] == [
        "\x1b[31mred_alert.yaml",
        r"caf\udce9_alert.yaml",
        "crlf_alert.yaml",
        "new\nline_alert.yaml",
    ]
    assert {each.path for each in judgement.findings} == {"binary_alert.yaml", "crlf_alert.yaml"}
