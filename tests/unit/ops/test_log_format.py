"""The log: one JSON object for each event, or a line for people, with the ids that are bound."""

import json
import logging
import sys
from typing import Any

from structlog.contextvars import bound_contextvars

from hub.ops.log_format import make_formatter


def formatted(as_json: bool, message: str, *args: object, **extra: Any) -> str:
    record = logging.LogRecord(
        *("a.library", logging.WARNING, "file.py", 1, message, args), exc_info=sys.exc_info()
    )
    record.__dict__ |= extra
    return make_formatter(as_json).format(record)


def test_an_event_is_one_json_object_even_with_a_traceback() -> None:
    try:
        raise ValueError("broken\nin two lines")
    except ValueError:
        line = formatted(True, "cannot read “%s”\n", "Redis")
    assert "\n" not in line
    event = json.loads(line)
    assert (event["event"], event["level"], event["logger"]) == (
        *("cannot read “Redis”\n", "warning", "a.library"),
    )
    assert event["timestamp"].endswith("Z")
    assert event["exception"].startswith("Traceback")
    assert event["exception"].endswith("ValueError: broken\nin two lines")


def test_bound_ids_and_the_fields_of_the_access_log_are_added() -> None:
    with bound_contextvars(request_id="abc", run_id=7):
        event = json.loads(formatted(True, "request", path="/x", status=404, request=object()))
        text = formatted(False, "request", path="/x", status=404, request=object())
    del event["timestamp"]
    assert event == {
        "event": "request",
        "level": "warning",
        "logger": "a.library",
        "path": "/x",
        "status": 404,
        "request_id": "abc",
        "run_id": 7,
    }
    assert "[warning] request" in text
    assert "request_id=abc" in text
    assert "status=404" in text
    assert "\n" not in text
