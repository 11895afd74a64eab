"""For whom a failed sign-in counts, and how long."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.accounts.login_throttle import UNKNOWN, counted_until, throttle_key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COOL_OFF = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        # one subscriber's addresses count as one
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("", UNKNOWN),
        ("192.0.2.7:4711", UNKNOWN),
        ("unknown", UNKNOWN),
        ("'; DROP TABLE", UNKNOWN),
    ],
)
def test_the_address_that_counts(address: str, counted: str) -> None:
    assert throttle_key(address) == counted


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("attempts", "until"),
    [
        ([], None),
        ([(at(0), 4)], None),
        ([(at(0), 5)], at(15)),
        # several programs (user agents) tried: the lock ends when the rest is below the limit
        ([(at(0), 2), (at(3), 3)], at(15)),
        ([(at(0), 1), (at(3), 5)], at(18)),
        ([(at(0), 5), (at(3), 5), (at(6), 1)], at(18)),
    ],
)
def test_when_a_lock_ends(attempts: list[tuple[datetime, int]], until: datetime | None) -> None:
    assert counted_until(attempts, 5, COOL_OFF) == until
