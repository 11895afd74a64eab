"""What the client reads in GitHub's responses."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import requests

from hub.github.responses import expiry_of


@pytest.mark.parametrize(
    ("text", "expiry"),
    [
        ("2026-12-31 23:59:59 UTC", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (
            "2026-12-31 23:59:59 -0800",
            datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-8))),
        ),
        ("", None),
        ("never", None),
        ("2026-13-31 23:59:59 UTC", None),
        ("2026-12-31 23:59:59 PST", None),
    ],
)
def test_the_expiry_of_a_token_is_read(text: str, expiry: datetime | None) -> None:
    response = requests.Response()
    response.headers["github-authentication-token-expiration"] = text
    assert expiry_of(response) == expiry
