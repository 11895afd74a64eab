"""Tests of the webhook signature with the example from GitHub's documentation."""

import pytest

from hub.web.webhooks.views import sign, verify

# GitHub Docs, "Validating webhook deliveries", "Testing the webhook payload validation".
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_githubs_example() -> None:
    assert sign(SECRET, BODY) == SIGNATURE
    assert verify(SECRET, BODY, SIGNATURE)


@pytest.mark.parametrize(
    ("secret", "body", "header"),
    [
        ("It's a Secret to Nobody", BODY, SIGNATURE),
        (SECRET, b"Hello, World?", SIGNATURE),
        (SECRET, BODY, ""),
        (SECRET, BODY, SIGNATURE.removeprefix("sha256=")),
        (SECRET, BODY, SIGNATURE.replace("sha256=", "sha1=")),
        (SECRET, BODY, SIGNATURE[:-1]),
        (SECRET, BODY, SIGNATURE + "0"),
        (SECRET, BODY, SIGNATURE.upper()),
        (SECRET, BODY, "sha256=é\udcff"),
        ("", BODY, sign("", BODY)),
    ],
)
def test_forged_signatures(secret: str, body: bytes, header: str) -> None:
    assert not verify(secret, body, header)
