"""Log messages while Postgres is unavailable, with real errors of the driver."""

import logging

import psycopg2
import pytest
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper

from hub.ops.local.ports import free_port
from hub.ops.log_filters import OneLineDatabaseErrors
from tests.common.processes import database_url


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
