"""What every answer of the hub must carry, whatever it is."""

from typing import Any


def assert_protected(answer: Any) -> None:
    """No sniffing, no framing, no foreign script, no referrer for strangers; cookies with flags."""
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = dict(
        directive.strip().partition(" ")[::2]
        for directive in answer["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    if "sandbox" not in policy:  # pictures: drawn by strangers, framed by pages all the same
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    for name, cookie in answer.cookies.items():
        assert cookie["httponly"] is True or not cookie.value, name
        assert cookie["samesite"] == "Lax", name
