"""Redis with TLS and an ACL user, and Postgres with TLS: certificates and names are verified."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import kombu
import pytest
import redis
import trustme
from celery import Celery

from hub.demo.fake_github import FakeGitHub
from tests.common.processes import database_url, redis_url
from tests.common.setups import check_hub
from tests.common.tls import tls_in_front_of
from tests.unit.test_settings import run_settings

USER = "hub:p%40ss"  # of Redis, with its password


class Servers(NamedTuple):
    """The ports that accept TLS, and the file of their CA."""

    postgres: int
    redis: int
    ca: Path


@pytest.fixture
def servers(tmp_path: Path, transactional_db: None) -> Iterator[Servers]:
    ca = trustme.CA()
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(file)
    ports = [urlsplit(url).port or 0 for url in (database_url(), redis_url())]
    client = redis.Redis.from_url(redis_url())
    client.acl_setuser(
        "hub", enabled=True, passwords=["+p@ss"], keys="*", channels="*", commands=["+@all"]
    )
    with (
        tls_in_front_of(ports[0], ca, is_postgres=True) as postgres_port,
        tls_in_front_of(ports[1], ca) as redis_port,
    ):
        yield Servers(postgres_port, redis_port, file)
    client.acl_deluser("hub")


def test_a_hub_uses_tls_and_an_acl_user(github: FakeGitHub, servers: Servers) -> None:
    url = urlsplit(database_url())
    database = f"{url.username}:{url.password}@localhost:{servers.postgres}{url.path}"
    check_hub(
        github,
        DATABASE_URL=f"postgres://{database}?sslmode=verify-full&sslrootcert={servers.ca}",
        REDIS_URL=f"rediss://{USER}@localhost:{servers.redis}/7?ssl_ca_certs={servers.ca}",
    )


@pytest.mark.parametrize(
    ("host", "knows_ca", "reason"),
    [
        ("localhost", False, "certificate verify failed: (unable|self)"),
        ("127.0.0.1", True, "certificate verify failed: IP address mismatch"),
    ],
)
def test_no_client_of_redis_accepts_another_server(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, host: str, knows_ca: bool, reason: str
) -> None:
    url = f"rediss://{USER}@{host}:{servers.redis}/7"
    monkeypatch.setenv("REDIS_URL", f"{url}?ssl_ca_certs={servers.ca}" if knows_ca else url)
    used = run_settings()["REDIS_URL"]
    for connect in (
        redis.Redis.from_url(used).ping,  # the request budget
        kombu.Connection(used).connect,  # the broker
        Celery(backend=used, set_as_current=False).backend.client.ping,  # the results
    ):
        with pytest.raises(redis.ConnectionError, match=reason):
            connect()
