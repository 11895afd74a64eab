"""Print the results of all requests at the end."""

import pytest

from tests.fuzz.test_fuzz import ACCOUNT


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the last line, below that of pytest."""
    account = config.stash.get(ACCOUNT, None)
    if account:
        print(account.line)  # noqa: T201 — the last line of `make fuzz`
