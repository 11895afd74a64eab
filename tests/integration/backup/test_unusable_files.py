"""Files that are damaged, incomplete, or from a newer hub are rejected without any change."""

import json
import random
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hub.models import Category
from hub.ops.backup.archive import MANIFEST, Archive, UnusableBackup
from hub.ops.backup.create import create_backup

SHELVES = 500


@pytest.fixture(scope="module")
def whole(django_db_setup: None, django_db_blocker: Any) -> bytes:
    """A complete backup, as bytes."""
    file = BytesIO()
    with django_db_blocker.unblock():
        Category.objects.bulk_create(Category(name=f"Shelf {n}") for n in range(SHELVES))
        create_backup(file, progress=lambda size: None)
        Category.objects.all().delete()
    return file.getvalue()


def rewritten(whole: bytes, change: Callable[[dict[str, Any]], object], drop: str = "") -> bytes:
    """Return the backup with a changed manifest, and without the member `drop`."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(whole)) as old, zipfile.ZipFile(file, "w") as new:
        manifest = json.loads(old.read(MANIFEST))
        change(manifest)
        for name in old.namelist():
            if name not in {MANIFEST, drop}:
                new.writestr(name, old.read(name))
        new.writestr(MANIFEST, json.dumps(manifest))
    return file.getvalue()


def a_zip_of_something_else() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as new:
        new.writestr("hub_exporter.csv", "title")
    return file.getvalue()


UNUSABLE = {
    "empty": (lambda whole: b"", "not a backup of a hub"),
    "a text": (lambda whole: b"-- PostgreSQL database dump\n" * 99, "not a backup of a hub"),
    "another zip": (lambda whole: a_zip_of_something_else(), "not a backup of a hub"),
    "cut by a byte": (lambda whole: whole[:-1], "truncated or damaged"),
    "cut in the middle": (lambda whole: whole[: len(whole) // 2], "truncated or damaged"),
    "without a table": (
        lambda whole: rewritten(whole, lambda said: None, drop="tables/hub_category"),
        "rows of hub_category",
    ),
    "with rows missing": (
        lambda whole: rewritten(
            whole, lambda said: said["tables"]["hub_category"].update(rows=SHELVES + 1)
        ),
        "rows of hub_category",
    ),
    "with a manifest of another kind": (
        lambda whole: rewritten(whole, lambda said: said.update(kind="something")),
        "manifest is invalid",
    ),
    "of a newer format": (
        lambda whole: rewritten(whole, lambda said: said.update(format=2, more="of it")),
        "written by a newer hub",
    ),
    "of a newer hub": (
        lambda whole: rewritten(
            whole, lambda said: said["migrations"].append(["hub", "9999_of_tomorrow"])
        ),
        "not have the migration hub.9999_of_tomorrow",
    ),
}


@pytest.mark.parametrize(("damage", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_file_changes_nothing(
    damage: Callable[[bytes], bytes], words: str, whole: bytes, tmp_path: Path, db: None
) -> None:
    Category.objects.create(name="Of today")
    file = tmp_path / "hub.zip"
    file.write_bytes(damage(whole))
    with pytest.raises(CommandError, match=words):
        call_command("restore", str(file), "--force")
    assert Category.objects.get().name == "Of today"


def test_a_changed_byte_is_found_or_means_nothing(whole: bytes) -> None:
    """Change single bytes anywhere in the file: in rows, names or the zip's directory."""
    rows = {name: zipfile.ZipFile(BytesIO(whole)).read(name) for name in _members(whole)}
    random.seed(5)
    for place in random.sample(range(len(whole)), 400):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.randrange(8)
        try:
            archive = Archive(BytesIO(damaged), "the file")
            archive.check(lambda size: None)
        except UnusableBackup:
            continue
        for name in rows.keys() - {MANIFEST}:
            assert archive.open(name.removeprefix("tables/")).read() == rows[name]


def _members(whole: bytes) -> list[str]:
    return zipfile.ZipFile(BytesIO(whole)).namelist()
