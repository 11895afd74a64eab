"""CSV files as tables: escaped, bounded, and shown even if they are not CSV."""

import re

import html5lib
import pytest

from hub.web.pages.csv_table import csv_table


def cells(text: str) -> list[list[str]]:
    html = csv_table(text).html
    html5lib.HTMLParser(strict=True).parseFragment(html)
    return [
        re.findall(r"<t([hd][^>]*>[^<]*)<", row)
        for row in re.findall(r"<tr>(.*?)</tr>", html, re.S)
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "alert,meaning\nRedisDown,it is down\n",
            [['h scope="col">alert', 'h scope="col">meaning'], ["d>RedisDown", "d>it is down"]],
        ),
        # NexClipper's: numbered, without a header
        ('"01","-", "./board.json", \n', [["d>01", "d>-", "d>./board.json", "d>"]]),
        ("01,a\n02,b\n", [["d>01", "d>a"], ["d>02", "d>b"]]),
        ("a,b\n\n1\n", [['h scope="col">a', 'h scope="col">b'], ["d>1", "d>"]]),
        ("\ufeffname\r\nx\r\n", [['h scope="col">name'], ["d>x"]]),
        (
            'a,b\n"<script>alert(1)</script>&",2\n',
            [
                ['h scope="col">a', 'h scope="col">b'],
                ["d>&lt;script&gt;alert(1)&lt;/script&gt;&amp;", "d>2"],
            ],
        ),
        ("", []),
    ],
)
def test_a_table(text: str, rows: list[list[str]]) -> None:
    assert cells(text) == rows
    assert not csv_table(text).truncated


@pytest.mark.parametrize(
    "text",
    ["x,y\n" * 300, ",".join("abcdefghijklmnopqrstuvwxyz"), f"a,{'b' * 120_000}\n", "a" * 140_000],
)
def test_a_large_file_is_truncated(text: str) -> None:
    table = csv_table(text)
    assert table.truncated
    assert len(table.html) < 110_000
    assert all(len(row) <= 20 for row in cells(text))
    assert len(cells(text)) <= 200


@pytest.mark.parametrize("text", ["a\0b,c\n", "a\rb\nc", '"never closed\n<b>'])
def test_any_text_is_shown_as_a_table(text: str) -> None:
    assert "<b>" not in csv_table(text).html
    assert "<table>" in csv_table(text).html
