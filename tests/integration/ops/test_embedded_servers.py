"""The embedded servers: started, killed and restarted."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from hub.ops.local import postgres as postgres_module
from hub.ops.local.ports import free_port, is_free
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.server import EmbeddedServer, LocalHubError, as_user
from hub.ops.local.valkey import EmbeddedValkey
from tests.common.processes import ROOT, kill_server
from tests.common.waiting import wait_until

as_root = os.geteuid() == 0
SERVERS = [EmbeddedPostgres, EmbeddedValkey]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the account of Postgres can reach."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o711)
        yield Path(parent).resolve() / "data"


def sql(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_postgres_keeps_what_was_committed_when_it_is_killed(folder: Path) -> None:
    with EmbeddedPostgres(folder, free_port()) as server:
        sql(server.url, "create table kept as select generate_series(1, 1000) as n")
        kill_server(server)
        wait_until(lambda: is_free(server.port), "the end of what the postmaster had started")
        server.start()
        assert sql(server.url, "select count(*) from kept") == [(1000,)]


def test_redis_keeps_what_was_written_when_it_is_killed(folder: Path) -> None:
    with EmbeddedValkey(folder, free_port()) as server:
        redis.Redis.from_url(server.url).rpush("queue", *range(1000))
        kill_server(server)
        server.start()
        assert redis.Redis.from_url(server.url).llen("queue") == 1000


def _damage(action: Callable[[Path], object], pattern: str) -> Callable[[Path], object]:
    """Return a function that damages one file in the folder of the append-only file."""

    def damage(folder: Path) -> None:
        (file,) = folder.glob(pattern)
        action(file)

    return damage


def _garbage(file: Path) -> None:
    file.write_bytes(bytes(range(256)))


def _append_zeros(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(bytes(4096))


def _replace_middle(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(bytes(200))


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 5)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_damage(action, pattern), id=f"{action.__name__.strip('_')} {pattern}")
        for pattern, actions in {
            "*.incr.aof": (_append_zeros, _garbage, _replace_middle, Path.unlink),
            "*.base.rdb": (_truncate, _garbage, Path.unlink),
            "*.manifest": (_truncate, _garbage, _empty),
        }.items()
        for action in actions
    ],
)
def test_damaged_files_of_redis_are_set_aside(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    with EmbeddedValkey(folder, free_port()) as server:
        redis.Redis.from_url(server.url).rpush("queue", *range(1000))
        assert server.notice == ""
    files = folder / "redis" / "appendonlydir"
    damage(files)
    damaged = {path.name: path.read_bytes() for path in files.iterdir()}
    with EmbeddedValkey(folder, free_port()) as server:
        client = redis.Redis.from_url(server.url)
        assert client.dbsize() == 0
        client.rpush("queue", 1)
    (aside,) = (folder / "redis").glob("damaged-*")
    assert str(aside) in server.notice
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == damaged
    with EmbeddedValkey(folder, free_port()) as server:
        assert server.notice == ""
        assert redis.Redis.from_url(server.url).llen("queue") == 1


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_damage(action, pattern), id=f"{action.__name__.strip('_')} {pattern}")
        for pattern, actions in {
            "*.incr.aof": (_truncate, _empty),
            "*.base.rdb": (_empty,),
            "*.manifest": (Path.unlink,),
        }.items()
        for action in actions
    ],
)
def test_redis_repairs_some_damage_itself(folder: Path, damage: Callable[[Path], object]) -> None:
    with EmbeddedValkey(folder, free_port()) as server:
        redis.Redis.from_url(server.url).rpush("queue", *range(1000))
    damage(folder / "redis" / "appendonlydir")
    for _ in range(2):
        with EmbeddedValkey(folder, free_port()) as server:
            redis.Redis.from_url(server.url).rpush("queue", 1)
            assert server.notice == ""


def test_files_are_not_set_aside_if_redis_cannot_start_for_another_reason(folder: Path) -> None:
    with EmbeddedValkey(folder, free_port()) as server:
        redis.Redis.from_url(server.url).rpush("queue", 1)
    with socket.create_server(("127.0.0.1", server.port)):
        with pytest.raises(LocalHubError, match=r"does not start"):
            server.start()
        assert not list((folder / "redis").glob("damaged-*"))
    with server:
        assert redis.Redis.from_url(server.url).llen("queue") == 1


def test_postgres_is_set_up_to_last(folder: Path) -> None:
    with EmbeddedPostgres(folder, free_port()) as server:
        for name, value in {
            "data_checksums": "on",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "server_encoding": "UTF8",
            "password_encryption": "scram-sha-256",
        }.items():
            assert sql(server.url, f"show {name}") == [(value,)], name
        assert sql(server.url, "select distinct auth_method from pg_hba_file_rules") == [
            ("scram-sha-256",)
        ]
        assert sql(server.url, "select upper('ü')") == [("Ü",)]


def test_redis_is_set_up_to_last(folder: Path) -> None:
    with EmbeddedValkey(folder, free_port()) as server:
        client = redis.Redis.from_url(server.url)
        for name, value in {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
        }.items():
            assert client.config_get(name) == {name: value}


def test_a_wrong_password_is_refused(folder: Path) -> None:
    with EmbeddedPostgres(folder, free_port()) as server:
        for wrong in ("hub:wrong@", "hub@"):
            url = f"postgres://{wrong}127.0.0.1:{server.port}/postgres"
            with pytest.raises(psycopg2.OperationalError, match=r"password"):
                sql(url, "select 1")
    with EmbeddedValkey(folder, free_port()) as server:
        for wrong in (":wrong@", ""):
            with pytest.raises(redis.AuthenticationError):
                redis.Redis.from_url(f"redis://{wrong}127.0.0.1:{server.port}/0").ping()


@pytest.mark.parametrize("kind", SERVERS)
def test_no_secret_can_be_listed_or_read_by_others(
    folder: Path, kind: type[EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_of_the_user")
    with kind(folder, free_port()) as server:
        password = server.url.split(":")[2].split("@")[0]
        assert len(password) > 30
        assert server.process is not None
        process = psutil.Process(server.process.pid)
        assert password not in " ".join(process.cmdline())
        environ = process.environ()
        assert "GITHUB_TOKEN" not in environ
        assert password not in str(environ)
        for path in folder.rglob("*"):
            if path.is_file() and password.encode() in path.read_bytes():
                assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_a_killed_hub_left_is_ended_first(
    folder: Path, kind: type[EmbeddedServer]
) -> None:
    left = kind(folder, free_port())
    left.start()
    with kind(folder, free_port()) as server:
        assert left.process is not None
        assert left.process.wait(10) is not None
        assert server.accepts_connections()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_start_that_fails_leaves_nothing_running(
    folder: Path, kind: type[EmbeddedServer]
) -> None:
    with kind(folder, free_port()) as running:
        failing = kind(folder.parent / "other", running.port)
        with pytest.raises(LocalHubError, match=r"Redis|Postgres"):
            failing.start()
        assert failing.process is None
        assert running.accepts_connections()


def test_a_stale_pid_file_that_names_another_program_does_no_harm(folder: Path) -> None:
    with EmbeddedPostgres(folder, free_port()) as server:
        kill_server(server)
        # Another process of the same user now has the pid.
        stranger = subprocess.Popen(["sleep", "600"], **as_user(server.user))
        try:
            file = server.cluster / "postmaster.pid"
            lines = file.read_text().splitlines()
            file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            server.start()
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


def test_an_interrupted_preparation_leaves_nothing_half(folder: Path) -> None:
    server = EmbeddedPostgres(folder, free_port())
    server.prepare()
    half = server.home / "making-interrupted" / "cluster"
    shutil.copytree(server.cluster, half)
    shutil.rmtree(server.cluster)
    with server:
        assert sql(server.url, "select 1") == [(1,)]
    assert not half.parent.exists()


def test_a_child_of_a_test_run_ends_with_sigint_and_sigterm(folder: Path) -> None:
    """The context manager also stops the server if a signal interrupts the block."""
    code = (
        "import sys, signal; from pathlib import Path\n"
        "from hub.ops.local.valkey import EmbeddedValkey\n"
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "with EmbeddedValkey(Path(sys.argv[1]), int(sys.argv[2])) as server:\n"
        "    print(server.process.pid, flush=True)\n"
        "    signal.pause()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(free_port())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    wait_until(lambda: not psutil.pid_exists(pid), "the server's end")


@pytest.mark.skipif(not as_root, reason="only root has Postgres run by another account")
class TestAsRoot:
    @pytest.fixture
    def private(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """A data folder in a folder with mode 0700, and a folder for root's clusters."""
        with tempfile.TemporaryDirectory() as parent, tempfile.TemporaryDirectory() as place:
            Path(place).chmod(0o711)
            monkeypatch.setattr(postgres_module, "_ROOT_DATA_DIR", Path(place) / "exporter-hub")
            yield Path(parent).resolve() / "data"

    def test_postgres_does_not_run_as_root(self, folder: Path) -> None:
        with EmbeddedPostgres(folder, free_port()) as server:
            assert server.process is not None
            process = psutil.Process(server.process.pid)
            assert process.username() == "nobody"
            assert 0 not in (*process.uids(), *process.gids())
            assert not server.is_outside_data_dir

    def test_a_private_folder_is_not_opened(self, private: Path) -> None:
        with EmbeddedPostgres(private, free_port()) as server:
            assert server.is_outside_data_dir
            assert (private / "postgres").resolve() == server.home
            sql(server.url, "create table kept as select 1")
            kill_server(server)
            server.start()
            assert sql(server.url, "select * from kept") == [(1,)]
        assert private.parent.stat().st_mode & 0o777 == 0o700

    def test_a_strict_umask_and_a_private_wheel_do_not_stop_it(
        self, private: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = postgres_module._package()
        monkeypatch.setattr(
            postgres_module,
            "reachable",
            lambda path, user: path != package and path != private,
        )
        umask = os.umask(0o077)
        try:
            with EmbeddedPostgres(private, free_port()) as server:
                assert server.command[0].startswith(str(server.home))
                assert sql(server.url, "select 1") == [(1,)]
        finally:
            os.umask(umask)

    def test_a_deleted_data_folder_gives_a_new_hub_and_loses_no_cluster(
        self, private: Path
    ) -> None:
        with EmbeddedPostgres(private, free_port()) as server:
            sql(server.url, "create table kept as select 1")
            home = server.home
        shutil.rmtree(private)
        with EmbeddedPostgres(private, free_port()) as server:
            assert sql(server.url, "select to_regclass('kept')") == [(None,)]
            assert server.home == home
        assert len([path for path in home.parent.iterdir() if (path / "cluster").exists()]) == 2

    def test_a_folder_that_became_inaccessible_is_reported(self, folder: Path) -> None:
        with EmbeddedPostgres(folder, free_port()):
            pass
        folder.parent.chmod(0o700)
        with pytest.raises(LocalHubError, match=r"can no longer reach"):
            EmbeddedPostgres(folder, free_port()).prepare()
