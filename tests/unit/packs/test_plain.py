"""Tests of names, paths and YAML: nothing in a file can change what a pack means."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hub.packs.plain import Size, UniqueNames, Unsuitable, are_safe, as_yaml, shown

# Text as files can contain it: the rules replace surrogates and NUL.
_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
_VALUES = st.recursive(
    _TEXT | st.integers(-(10**9), 10**9) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_yaml_is_read_as_it_was_written(value: Any) -> None:
    assert yaml.safe_load(as_yaml(value)) == value


_NOT_TEXTS = """
    y Y n no on off true null ~ 1e3 1E5 .5 0o17 0b1 1_000 12:30 0x1f 2024-01-01 .inf = <<
    &a *a !a --- ... @a `a %a
"""
_SYNTAX = ["", " a", "a: b", "# a", "- a", "a\n---\nb: c\n", "{{ $x }}", "\ttab", "a\r\nb", "\x85"]


@pytest.mark.parametrize(
    "text", [*_NOT_TEXTS.split(), *_SYNTAX, "\N{LINE SEPARATOR}x", "\N{PILE OF POO}"]
)
def test_a_text_stays_a_text_for_every_parser(text: str) -> None:
    """Kubernetes reads `y` as true and `1e3` as a number, which PyYAML writes without quotes."""
    rendered = as_yaml({"key": text})
    assert yaml.safe_load(rendered) == {"key": text}
    assert rendered.startswith(('key: "', "key: |"))


def test_a_value_that_occurs_twice_gets_no_anchor() -> None:
    shared = {"a": ["b"]}
    assert "&" not in as_yaml([shared, shared])
    assert yaml.safe_load(as_yaml([shared, shared])) == [shared, shared]


_OUTSIDE = [
    *("..", "a/../b", "/a", "a//b", "./a", "a/.", "a\\b", "C:/a"),
    *("a\nb", "a\0b", "a\x7fb", "a. ", "a.", " a", "", "a/", "a*", "x" * 256, "a/" * 600 + "a"),
    *("\N{RIGHT-TO-LEFT OVERRIDE}a", "\ud800"),
]


@pytest.mark.parametrize("path", _OUTSIDE, ids=ascii)
def test_an_unsafe_path_is_not_used(path: str) -> None:
    assert not are_safe([path])


def test_a_safe_path_is_used_as_it_is() -> None:
    assert are_safe(["Node Exporter/helm/values.yaml", ".helmignore", "图/a.yaml", "a..b"])
    assert not are_safe(["a/B", "A/b"])


def test_names_are_dns_labels_and_unique() -> None:
    names = UniqueNames()
    paths = ["Redis_alert.yaml", "x/redis-ALERT.json", "../..", "图.yaml", "a" * 90, "a" * 91, "-"]
    found = [names.of_file("redis", path) for path in paths]
    assert found[:2] == ["redis-alert", "redis-alert-2"]
    assert len(set(found)) == len(paths)
    for name in found:
        assert len(name) <= 63
        assert name.strip("-") == name
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_name_of_an_exporter_that_is_only_a_dash() -> None:
    names = UniqueNames()
    assert [names.of_file("-", path) for path in ("-.yaml", "_.yaml")] == ["file", "file-2"]


def test_paths_that_differ_only_in_case_are_not_both_used() -> None:
    names = UniqueNames()
    assert names.take("files/A.yaml")
    assert not names.take("files/a.yaml")
    assert not names.take("files/\N{FULLWIDTH LATIN SMALL LETTER A}.yaml")


def test_a_text_in_a_comment_stays_on_its_line() -> None:
    for text in ("a\nb", "a\rb", "a\x85b", "a\N{LINE SEPARATOR}b", "a\N{RIGHT-TO-LEFT OVERRIDE}b"):
        assert shown(text) == "a\N{REPLACEMENT CHARACTER}b"


def test_a_value_that_aliases_multiply_is_too_large() -> None:
    value: Any = "x" * 1000
    for _ in range(20):
        value = [value] * 10
    with pytest.raises(Unsuitable, match="larger than 1 MB"):
        Size().typed(value)


def test_values_keep_their_types() -> None:
    value = json.loads('{"a": [1, 1.5, true, null, "1"]}')
    assert Size().typed(value) == value
