"""If-None-Match."""

import pytest

from hub.web.http_cache import matches


@pytest.mark.parametrize(
    ("header", "same"),
    [
        ("", False),
        ('W/"a"', True),
        ('"a"', True),
        ('"b"', False),
        ('"b", W/"a"', True),
        ("*", True),
        ("a", False),
        ('"a', False),
    ],
)
def test_comparison_is_weak(header: str, same: bool) -> None:
    assert matches(header, 'W/"a"') is same
