"""Tests of Go templates. `test_oracle.py` compares them with promtool and Helm."""

import pytest

from hub.content.rules.go_template import (
    PROMETHEUS_FUNCTIONS,
    PROMETHEUS_VARIABLES,
    actions,
    check_template,
)


def error_in(text: str) -> tuple[int, str] | None:
    error = check_template(text, PROMETHEUS_FUNCTIONS, PROMETHEUS_VARIABLES)
    return error and (error.position, str(error))


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("{{ $value | toFixed 2 }}", 0, "function `toFixed` is not defined"),
        ("at {{ $label.instance }}", 3, "variable `$label` is not defined"),
        ("{{ $labels.instance }", 0, "unexpected character '}' in `{{`"),
        ("{{ $value", 0, "an action is not closed in `{{`"),
        ("{{ if $value }}a", 0, "`if` has no `end`"),
        ("a{{ end }}", 1, "unexpected `end`"),
        ("{{ }}", 0, "an action is empty"),
        ('{{ "\\d" }}', 0, 'invalid escape in "\\d"'),
        (
            "{{ printf '%.1f' $value }}",
            0,
            "'%.1f' is not one character: use double quotes for text",
        ),
        ("{{ $value 5.5.5 }}", 0, "`5.5.5` is not a number"),
        ("{{ range 3 }}{{ end }}{{ break }}", 22, "`break` outside of `range`"),
        ("{{/* x }}", 0, "a comment is not closed by `*/}}`"),
        ("{{ $value | 5 }}", 0, "`5` is no function: nothing can be piped into it"),
    ],
)
def test_an_error_says_what_and_where(text: str, position: int, reason: str) -> None:
    assert error_in(text) == (position, reason)


def test_deep_nesting_does_not_overflow_the_stack() -> None:
    for text in ("{{ if 1 }}" * 5_000, "{{ " + "(" * 50_000 + " }}"):
        error = error_in(text)
        assert error is not None
        assert error[1] == "nested too deeply"


def test_a_text_with_too_many_actions_is_not_checked() -> None:
    assert error_in("{{ x }}" * 10_001) is None


def test_actions_have_their_place_and_first_word() -> None:
    text = "a{{- /* b\n}} */ -}}c{{ `{{ d }}` }}{{ if e }}{{f"
    found = [(text[start:end], word) for start, end, word in actions(text)]
    assert found == [
        ("{{- /* b\n}} */ -}}", ""),
        ("{{ `{{ d }}` }}", "`{{ d }}`"),
        ("{{ if e }}", "if"),
    ]
