"""Tokens are removed from log records."""

import logging

import pytest

from hub.github.redaction import redact
from hub.ops.log_format import make_formatter

CLASSIC = "ghp_" + "a1B2" * 9
FINE_GRAINED = "github_pat_" + "11AA_" * 16


@pytest.mark.parametrize(
    "text",
    [
        CLASSIC,
        FINE_GRAINED,
        f"{{'Authorization': 'Bearer {CLASSIC}'}}",
        "Authorization: Bearer odd-but-secret",
        f"https://{CLASSIC}@github.com/x/y",
    ],
)
def test_tokens_are_replaced(text: str) -> None:
    assert "[token]" in redact(text)
    for secret in (CLASSIC, FINE_GRAINED, "odd-but-secret"):
        assert secret not in redact(text)


def test_other_text_is_unchanged() -> None:
    text = "run 3: Redis: /repos/o/r/git/trees/0123456789012345678901234567890123456789: 502"
    assert redact(text) == text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_redacted_too(as_json: bool) -> None:
    try:
        raise ValueError(f"bad {CLASSIC}")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "with %s", (CLASSIC,), exc_info)
    line = make_formatter(as_json=as_json).format(record)
    assert CLASSIC not in line
    assert line.count("[token]") == 2
