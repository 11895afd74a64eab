"""The logs of real processes, and messages while Postgres is unavailable, with its real errors."""

import json
import logging
import re
from typing import Any

import psycopg2
import pytest
import requests
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper

from hub.ops.local.ports import free_port
from hub.ops.log_filters import OneLineDatabaseErrors
from tests.common.processes import Process, database_url, web, worker
from tests.conftest import Hub


def logged(fault: Exception, message: str = "looking up %s") -> str:
    """Return the log message for an exception."""
    exc_info = (type(fault), fault, fault.__traceback__)
    record = logging.LogRecord("a.library", logging.ERROR, "", 1, message, ("Redis",), exc_info)
    assert OneLineDatabaseErrors().filter(record)
    return logging.Formatter().format(record)


@pytest.mark.django_db
def test_an_unreachable_server_is_logged_in_one_line_with_its_address() -> None:
    there = connection.settings_dict
    away = DatabaseWrapper({**there, "PORT": str(free_port()), "OPTIONS": {}}, alias="away")
    with pytest.raises(OperationalError) as raised:
        away.ensure_connection()
    line = logged(raised.value)
    assert line.startswith("looking up Redis: connection to server at")
    assert "Connection refused" in line
    assert "\n" not in line
    assert there["PASSWORD"] not in line


@pytest.mark.django_db(transaction=True)
def test_other_database_errors_keep_their_traceback() -> None:
    with psycopg2.connect(database_url()) as other:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE hub_category")
        with pytest.raises(OperationalError) as raised, connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10ms'; SELECT * FROM hub_category")
    other.close()
    connection.close()  # with its lock_timeout
    assert "Traceback" in logged(raised.value)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_closes_is_logged_in_one_line() -> None:
    with connection.cursor() as cursor, pytest.raises(OperationalError) as raised:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()
    line = logged(raised.value)
    assert line.startswith("looking up Redis: ")
    assert "connection" in line  # the driver's message varies
    assert "\n" not in line


def events(process: Process) -> list[dict[str, Any]]:
    """Return the events in a log: each line is a JSON object, but for one that Celery prints."""
    lines = process.output().splitlines()
    found = [json.loads(line) for line in lines if line and "Warm shutdown" not in line]
    assert all({"timestamp", "level", "logger", "event"} <= event.keys() for event in found)
    return found


def test_the_log_of_the_web_server_names_the_request(transactional_db: None) -> None:
    port = free_port()
    env = {"HUB_LOG_FORMAT": "json", "HUB_ACCESS_LOG": "true", "HUB_ALLOWED_HOSTS": "localhost"}
    process = web(port, env=env)
    process.start()
    try:
        process.wait_for_output("Uvicorn running")
        url = f"http://localhost:{port}"
        page = requests.get(
            f"{url}/status?secret=1", headers={"X-Request-ID": "of-a.proxy"}, timeout=10
        )
        assert page.headers["X-Request-ID"] == "of-a.proxy"
        odd = {"Host": "other", "X-Request-ID": "a b"}
        refused = requests.get(f"{url}/a%0Ab", headers=odd, timeout=10)
        assert re.fullmatch("[0-9a-f]{32}", refused.headers["X-Request-ID"])
        for path in ("/healthz", "/readyz"):
            assert requests.get(url + path, timeout=10).status_code == 200
    finally:
        process.stop()
    said = events(process)
    accesses = [event for event in said if event["event"] == "request"]
    assert [(event["path"], event["status"]) for event in accesses] == [
        *(("/status", 200), ("/a\nb", 400)),
    ]
    assert (accesses[0]["method"], accesses[0]["client"]) == ("GET", "127.0.0.1")
    assert accesses[0]["request_id"] == "of-a.proxy"
    assert "secret" not in process.output()
    of_the_refused = {e["logger"] for e in said if e.get("request_id") != "of-a.proxy"}
    assert {"django.security.DisallowedHost", "hub.web.request_log"} <= of_the_refused


def test_the_log_of_a_worker_names_the_run(hub: Hub) -> None:
    hub.add_token()
    hub.fill("Redis/alert.yaml")
    process = worker("json", env={"HUB_LOG_FORMAT": "json"})
    process.command = ("celery", "--quiet", *process.command[1:])
    process.start()
    try:
        process.wait_for_output("first run:")
        for each in hub.workers:
            each.stop()
        run = hub.refresh()
    finally:
        process.stop()
        for each in hub.workers:
            each.start()
            each.wait_for_output("first run:")
    said = events(process)
    ended = [event for event in said if " ended: " in event["event"]]
    assert [event["run_id"] for event in ended][-1:] == [run.pk]
    assert all("task_id" in event for event in ended)
    assert not any("run_id" in event for event in said if event["event"].endswith("received"))
