"""Backups of older hubs are migrated without loss, by a restore and in place."""

from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django_celery_beat.models import PeriodicTask
from psycopg2.sql import SQL, Identifier, Literal

from hub.content import judgement as rules
from hub.github.source import configured_source
from hub.models import ContentBlob, ContentTree, GitHubToken, RunStatus, Snapshot
from hub.ops.backup import database, restore
from hub.ops.backup.archive import Archive
from tests.common import contents, databases
from tests.conftest import TOKEN, Hub

BACKUPS = sorted((Path(__file__).parents[2] / "data" / "backups").glob("*.zip"))
# Columns that newer hubs do not have, because another column has the same data.
GONE = {("hub_servedcontents", "body"), ("hub_exportercontents", "evidence")}
RENAMED = {
    ("hub_githubtoken", "limit"): "core_limit",
    ("hub_githubtoken", "remaining"): "core_remaining",
    ("hub_githubtoken", "reset_at"): "core_reset_at",
    ("hub_listingetag", "url"): "source",
}
# The states of facts runs now have the same names as those of refresh runs. Listings that do not
# tell links from files are deleted.
REWRITTEN = {"hub_factsrun", "hub_treelisting"}
PATHS = (
    *("Redis/alert.yaml", "Redis/helm/Chart.yaml", "Redis/dashboard.json"),
    *("Kafka_Exporter/alerts.yml", "Blackbox/values.yaml"),
)


@pytest.fixture(params=BACKUPS, ids=[path.stem for path in BACKUPS])
def old(request: pytest.FixtureRequest) -> Path:
    """A backup of an older hub."""
    return Path(request.param)


@pytest.fixture
def then(hub: Hub) -> Hub:
    """A hub whose GitHub has the same contents as when the backups were made."""
    for path in PATHS:
        hub.write(path, contents.of_its_name(path))
    hub.write("Redis/alert.yaml", contents.of_its_name("Redis/alert.yaml") + b"# again\n")
    return hub


def adopt_source() -> None:
    """Assign the restored contents to the source in the tests' settings.

    The source's key contains the port of the fake GitHub, which is different in each session.
    """
    key = configured_source().key
    with connection.cursor() as cursor:
        for table, columns in database.tables().items():
            for column in {"source", "url"}.intersection(columns):
                statement = SQL("UPDATE {} SET {} = {} WHERE {} LIKE '127.0.0.1:%%/%%'")
                name = Identifier(column)
                cursor.execute(statement.format(Identifier(table), name, Literal(key), name))


def what_changed(backup: Path) -> set[str]:
    """Return the hub's tables whose rows, in the old columns, differ from those of the backup."""
    changed = set()
    with backup.open("rb") as file:
        archive = Archive(file, backup.name)
        for table, said in archive.manifest.tables.items():
            if table.startswith(("hub_", "auth_user")):
                gone = {number for number, name in enumerate(said.columns) if (table, name) in GONE}
                kept = [name for name in said.columns if (table, name) not in GONE]
                rows = BytesIO()
                now = [RENAMED.get((table, name), name) for name in kept]
                database.copy_out(table, now, rows)
                before = archive.open(table).read().splitlines()
                if sorted(rows.getvalue().splitlines()) != sorted(without(gone, before)):
                    changed.add(table)
    return changed


def without(gone: set[int], rows: list[bytes]) -> list[bytes]:
    """Remove columns from rows in the format of `copy_out`."""
    return [
        b"\t".join(value for number, value in enumerate(row.split(b"\t")) if number not in gone)
        for row in rows
    ]


def test_a_restore_brings_them_up_to_date(old: Path, then: Hub) -> None:
    databases.restore(old, "--force")
    assert what_changed(old) <= REWRITTEN
    adopt_source()

    assert GitHubToken.objects.get().secret == TOKEN
    assert not PeriodicTask.objects.get(name="Refresh contents").enabled
    assert PeriodicTask.objects.filter(name="Refresh facts of repositories").exists()

    # Readers see the restored map before any run.
    client = Client()
    body = client.get("/api/v1/contents").json()
    assert body["contents"]["Redis"] == {"E": True, "I": True, "A": True, "G": True}
    assert body["run"] == Snapshot.objects.latest("pk").pk
    for path in ("/", "/?q=redis", "/exporters/redis", "/coverage", "/status", "/changes.atom"):
        assert client.get(path).status_code == 200, path
    assert b"Redis" in client.get("/?q=redis").content

    # Newer rules check the stored files again without fetching them.
    ContentTree.objects.update(rules=0)
    ContentBlob.objects.update(rules=0)
    Snapshot.objects.update(rules=0)
    kept_files = ContentBlob.objects.count()
    run, asked = then.count()
    assert run.status == RunStatus.PUBLISHED
    assert not run.failed
    # The listing and the trees are fetched again, because older hubs did not tell links from files.
    # Backups of even older hubs have no files; these are fetched with one query for each directory.
    assert len(asked) == 5 + (0 if kept_files else 3)
    assert ContentTree.objects.filter(rules=rules.RULES_VERSION).count() == 3
    again = client.get("/api/v1/contents").json()
    assert again["contents"] == body["contents"]
    assert again["usable"]["Redis"]["A"] is True
    run, asked = then.count()
    assert (run.status, len(asked)) == (RunStatus.UNCHANGED, 1)


def test_an_upgrade_in_place_keeps_data_and_does_not_block_readers(transactional_db: None) -> None:
    """No table is rewritten, so that locks are held only for a moment."""
    oldest = BACKUPS[0]
    with oldest.open("rb") as file, database.one_transaction("READ COMMITTED"):
        restore.rebuild(Archive(file, oldest.name), progress=lambda size: None)
    before = files_of_tables()
    call_command("migrate", interactive=False, verbosity=0)
    after = files_of_tables()
    assert {name for name in before if before[name] != after[name]} == set()
    assert what_changed(oldest) <= REWRITTEN


def files_of_tables() -> dict[str, int]:
    """Return the file number of each table, which changes when Postgres rewrites the table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = current_schema()::regnamespace"
        )
        return dict(cursor.fetchall())


def test_the_migrations_are_a_line() -> None:
    loader = MigrationLoader(None)
    assert loader.detect_conflicts() == {}
    after = Counter(
        parent.key
        for key, node in loader.graph.node_map.items()
        for parent in node.parents
        if key[0] == parent.key[0] == "hub"
    )
    assert set(after.values()) == {1}
