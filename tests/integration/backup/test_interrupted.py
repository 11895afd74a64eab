"""An interrupted backup or restore: killed, or without free space."""

import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from hub.models import Category
from tests.common import databases
from tests.common.databases import disconnect_workers, everything
from tests.common.processes import Process, database_url
from tests.common.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
_FILES = 60
_SIZE = 32 * 8_000  # bytes


@pytest.fixture(autouse=True)
def large(transactional_db: None) -> None:
    """A database that takes long enough to copy for an interruption."""
    Category.objects.create(name="Database")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO hub_contentblob (sha, data, report, rules, learned_at) "
            "SELECT n, convert_to(repeat(md5(n::text), %s), 'utf8'), '{}', 1, now() "
            "FROM generate_series(1, %s) n",
            [_SIZE // 32, _FILES],
        )


def kill_while_copying(*command: str) -> None:
    """Run a command and kill it while Postgres copies rows; wait until Postgres has noticed."""
    disconnect_workers()
    connection.close()  # a restore refuses a database that the hub is connected to
    process = Process("manage", *command)
    with closing(psycopg2.connect(database_url())) as other:
        other.autocommit = True

        def copies() -> bool:
            with other.cursor() as cursor:
                cursor.execute(
                    "SELECT FROM pg_stat_progress_copy WHERE datname = current_database() "
                    "AND bytes_processed > 1000000"
                )
                return cursor.fetchone() is not None

        process.start()
        try:
            started = "the rows to be copied"
            wait_until(lambda: copies() or not process.running, started, seconds=120)
            assert process.running, process.output()
            process.kill()
        finally:
            process.stop()
        wait_until(lambda: not copies(), "Postgres to notice")


def test_a_killed_backup_leaves_no_file_of_its_name(tmp_path: Path) -> None:
    file = tmp_path / "hub.zip"
    kill_while_copying("backup", str(file))
    left = list(tmp_path.iterdir())
    assert [path.suffix for path in left] == [".part"]
    with pytest.raises(CommandError, match="truncated or damaged"):
        databases.restore(left[0], "--force")
    call_command("backup", str(file), stdout=StringIO())
    assert file.exists()


def test_a_killed_restore_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hub.zip"
    call_command("backup", str(file), stdout=StringIO())
    Category.objects.update(name="Changed since")
    before = everything()
    kill_while_copying("restore", str(file), "--force")
    assert everything() == before
    databases.restore(file, "--force")
    assert Category.objects.get().name == "Database"


def test_a_backup_without_free_space_leaves_no_file(tmp_path: Path) -> None:
    with (
        files_of_at_most(10_000),
        pytest.raises(CommandError, match=r"Cannot write .*: File too large"),
    ):
        call_command("backup", str(tmp_path / "hub.zip"))
    assert not list(tmp_path.iterdir())


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Limit the size of files that this process may write, to simulate a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
