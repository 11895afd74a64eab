"""No secret appears in Redis, Flower, logs, pages or the API, or unencrypted in Postgres."""

import base64
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest
import redis
import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hub.demo.fake_github import Fault
from hub.demo.fake_github import faults as f
from hub.models import GitHubToken, RefreshRun, RunTrigger
from hub.ops.local.ports import free_port
from hub.runs.schedule import HOUSEKEEPING_TASK
from tests.common.processes import Process, database_url, web
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub

FLOWER = ("ops", "only-for-this-test")
WEBHOOK_SECRET = "signed-only-for-this-test"
PASSWORD = "a password of this test, 9 horses"
WRONG_PASSWORD = "a wrong password of this test, 8 horses"


def secrets() -> list[str]:
    """Return all secrets of this hub, and the middle of the token, which is never shown either."""
    passwords = [urlsplit(url).password for url in (database_url(), settings.REDIS_URL)]
    return [
        *(TOKEN, TOKEN[8:-4]),
        *(settings.SECRET_KEY, *settings.SALT_KEY),
        *(unquote(password) for password in passwords if password),
        *(WEBHOOK_SECRET, FLOWER[1], PASSWORD, WRONG_PASSWORD),
    ]


@pytest.fixture
def flower(hub: Hub) -> Iterator[str]:
    """A real Flower; its address."""
    port = free_port()
    process = Process(
        "celery",
        "--app=config",
        "flower",
        "--conf=config/flowerconfig.py",
        "--address=127.0.0.1",
        f"--port={port}",
        env={"FLOWER_BASIC_AUTH": ":".join(FLOWER)},
    )
    process.start()
    try:
        process.wait_for_output("Connected to redis")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()
        assert not [secret for secret in secrets() if secret in process.output()]


@pytest.fixture
def beat(hub: Hub) -> Iterator[Process]:
    """A real beat, with something to send at once."""
    second, _ = IntervalSchedule.objects.get_or_create(every=1, period="seconds")
    PeriodicTask.objects.filter(task=HOUSEKEEPING_TASK).update(interval=second)
    process = Process("celery", "--app=config", "beat", "--pidfile=", "--loglevel=INFO")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def server(hub: Hub) -> Iterator[tuple[str, Process]]:
    """A real web server; returns its URL and its process."""
    port = free_port()
    process = web(port, env={"GITHUB_WEBHOOK_SECRET": WEBHOOK_SECRET, "HUB_LOG_LEVEL": "DEBUG"})
    process.start()
    process.wait_for_output("Uvicorn running")
    yield f"http://127.0.0.1:{port}", process
    process.stop()


def everything_in_redis() -> bytes:
    """Return all keys and values in the test session's Redis."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    read = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return repr([(key, read[client.type(key)](key)) for key in client.scan_iter()]).encode()


def everything_in_postgres() -> bytes:
    """Return all rows of all tables as text."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            rows += cursor.fetchall()
    return repr(rows).encode()


def from_outside(address: str) -> list[bytes]:
    """Return responses to anonymous requests, some of which contain secrets."""
    wrong = base64.b64encode(f"root:{WRONG_PASSWORD}".encode()).decode()
    session = requests.Session()
    login = session.get(f"{address}/admin/login/", timeout=10)
    form = {"username": "root", "password": WRONG_PASSWORD}
    answers = [
        login,
        session.post(  # a page with an error message
            f"{address}/admin/login/",
            {**form, "csrfmiddlewaretoken": login.cookies["csrftoken"]},
            timeout=10,
        ),
        requests.post(f"{address}/admin/login/", form, timeout=10),  # 403: without the token
        requests.get(
            f"{address}/api/v1/edits/1", headers={"Authorization": f"Basic {wrong}"}, timeout=10
        ),
        requests.post(f"{address}/webhooks/github", "{}", timeout=10),
        *(
            requests.get(address + path, timeout=10)
            for path in ("/", "/status", "/no/such", "/api/v1/status", "/api/v1/openapi.json")
        ),
    ]
    assert {answer.status_code for answer in answers} == {200, 401, 403, 404}
    return [answer.content + repr(answer.headers).encode() for answer in answers]


def from_flower(address: str) -> list[bytes]:
    """Return Flower's pages, with each worker's configuration, and its API responses."""
    workers = wait_until(
        lambda: [
            name
            for name, worker in requests.get(
                f"{address}/api/workers", params={"refresh": "true"}, auth=FLOWER, timeout=20
            )
            .json()
            .items()
            if worker.get("conf")
        ],
        "workers in Flower",
    )
    paths = ["/", "/workers", "/tasks", "/broker", "/api/workers", "/api/queues/length"]
    paths += [f"/worker/{name}" for name in workers]
    return [requests.get(address + path, auth=FLOWER, timeout=20).content for path in paths]


def test_no_secret_is_shown(
    hub: Hub, flower: str, beat: Process, server: tuple[str, Process]
) -> None:
    hub.fill("Redis/alert.yaml", "Kafka/alert.yaml", "Node/alert.yaml")
    admin = Client()
    admin.force_login(User.objects.create_superuser("root", password=PASSWORD))
    add = "/admin/hub/githubtoken/add/"
    pages = [
        admin.post(add, {"name": "mine", "secret": TOKEN}).content,
        admin.post(add, {"name": "bad", "secret": TOKEN + "x"}).content,
    ]
    of_the_token = RefreshRun.objects.filter(trigger=RunTrigger.TOKEN)
    wait_until(of_the_token.exclude(finished_at=None).exists, "the token's run")
    # Errors that contain a request are included.
    for fault in (f.reset, f.answer(500, "<h1>A page</h1>")):
        hub.github.faults.append(Fault(fault, times=2))
        pages.append(admin.post(add, {"name": "other", "secret": TOKEN}).content)
        hub.refresh()
        hub.github.faults.clear()
    hub.github.revoke(TOKEN)
    hub.refresh()
    client = redis.Redis.from_url(settings.REDIS_URL)
    tasks = wait_until(
        lambda: requests.get(f"{flower}/api/tasks", auth=FLOWER, timeout=5).json(),
        "tasks in Flower",
    )
    token = GitHubToken.objects.get()
    row = f"/admin/hub/githubtoken/{token.pk}"
    for path in (
        *("/admin/", "/admin/hub/githubtoken/", "/admin/hub/refreshrun/"),
        *(f"{row}/change/", f"{row}/history/", f"{row}/delete/"),
        *("/admin/auth/user/", f"/admin/auth/user/{User.objects.get().pk}/change/"),
        *("/admin/axes/accessattempt/", "/", "/status", "/api/v1/status", "/api/v1/runs"),
    ):
        answer = admin.get(path)
        assert answer.status_code == 200
        pages.append(answer.content)
    pages += from_outside(server[0])
    pages += from_flower(flower)
    beat.wait_for_output("Scheduler: Sending")
    assert token.secret == TOKEN
    assert client.dbsize() > 0
    assert mail.outbox == []  # the hub sends no mail
    seen = b"".join([*pages, everything_in_redis(), everything_in_postgres(), repr(tasks).encode()])
    logs = [process.output() for process in (*hub.workers, beat, server[1])]
    for secret in secrets():
        assert secret.encode() not in seen
        assert not any(secret in log for log in logs)
    assert b"mine" in seen  # the search itself works: the token's name is there
    assert "GitHub rejected token" in "".join(logs)
    assert "Repeated login failure by 'root'" in logs[-1]


def test_flower_requires_its_password(flower: str) -> None:
    for path in ("/", "/api/tasks", "/api/workers", "/metrics"):
        assert requests.get(flower + path, timeout=5).status_code == 401
    assert requests.get(f"{flower}/api/workers", auth=FLOWER, timeout=5).status_code == 200
