"""The hub with RabbitMQ and behind pgbouncer, both started here (`make setups`)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hub.demo.fake_github import FakeGitHub
from hub.ops.local.ports import free_port, is_free
from tests.common.pgbouncer import Pgbouncer
from tests.common.processes import database_url, redis_url
from tests.common.setups import check_hub
from tests.common.waiting import wait_until

_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


@contextmanager
def _server(command: list[str], port: int, env: dict[str, str], log: Path) -> Iterator[None]:
    """Run a server until the end of the block, and wait until it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=os.environ | env, stdout=output, stderr=output)
        try:
            wait_until(lambda: not is_free(port), f"{command[0]}: see {log}", seconds=90)
            yield
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def rabbitmq(tmp_path: Path) -> Iterator[str]:
    """A RabbitMQ; its URL."""
    assert Path(_RABBITMQ).exists(), "RabbitMQ is missing: sudo apt install rabbitmq-server"
    port, epmd, erlang = (free_port() for _ in range(3))
    plugins = tmp_path / "plugins"
    plugins.write_text("[].")
    env = {
        "HOME": str(tmp_path),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd),
        "RABBITMQ_CONF_ENV_FILE": str(tmp_path / "none"),
        "RABBITMQ_CONFIG_FILE": str(tmp_path / "none"),
        "RABBITMQ_DIST_PORT": str(erlang),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_LOG_BASE": str(tmp_path / "log"),
        "RABBITMQ_MNESIA_BASE": str(tmp_path / "data"),
        "RABBITMQ_NODENAME": f"hub-tests-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_PID_FILE": str(tmp_path / "pid"),
    }
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["epmd", "-port", str(epmd), "-kill"], check=False)
        stack.enter_context(_server([_RABBITMQ], port, env, tmp_path / "rabbitmq.log"))
        yield f"amqp://guest:guest@127.0.0.1:{port}//"  # pragma: allowlist secret


@pytest.fixture
def pgbouncer(tmp_path: Path, transactional_db: None) -> Iterator[str]:
    """A pgbouncer in transaction mode with a small pool; the URL of the test database."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o711)
    port, url = free_port(), database_url()
    with Pgbouncer(tmp_path, url, port, pool_size=3):
        yield f"postgres://hub@127.0.0.1:{port}{urlsplit(url).path}"


def test_rabbitmq(github: FakeGitHub, transactional_db: None, rabbitmq: str) -> None:
    check_hub(github, BROKER_URL=rabbitmq, REDIS_URL=f"{redis_url().rpartition('/')[0]}/5")


def test_pgbouncer_in_transaction_mode(github: FakeGitHub, pgbouncer: str) -> None:
    check_hub(github, DATABASE_URL=pgbouncer, REDIS_URL=f"{redis_url().rpartition('/')[0]}/6")
