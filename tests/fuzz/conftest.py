"""Closes with the account of all requests."""

import pytest

from tests.fuzz.test_fuzz import ACCOUNT


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the closing line, below pytest's own."""
    account = config.stash.get(ACCOUNT, None)
    if account:
        print(account.line)  # noqa: T201 — what `make fuzz` closes with
