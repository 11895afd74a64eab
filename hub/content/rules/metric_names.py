"""Take the names of metrics from a PromQL tree, and match the patterns among them.

A pattern, such as of the matcher `__name__=~"redis_.*"`, is stored as `=~redis_.*`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import promql_parser
from promql_parser import MatchOp

from hub.content.rules import regex

PATTERN = "=~"
# Stand-ins for a variable or a template action, whose value is unknown: a name and a number.
STAND_IN, NUMBER_STAND_IN = "stand0in", "90817263"
_STAND_INS = re.compile(f"{STAND_IN}|{NUMBER_STAND_IN}")
# The attributes of the nodes that contain other nodes; those of a call are in `args`.
_CHILDREN = ("lhs", "rhs", "param", "expr", "vector_selector")
_MAX_NAMES = 100  # of an expression
_MAX_NAME_LENGTH = 200
_MAX_PATTERN_LENGTH = 200
# Series that Prometheus itself adds.
_BUILT_IN = {
    *("up", "ALERTS", "ALERTS_FOR_STATE", "scrape_body_size_bytes", "scrape_duration_seconds"),
    *("scrape_sample_limit", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped"),
    *("scrape_series_added", "scrape_timeout_seconds"),
}


def is_built_in(name: str) -> bool:
    """Whether Prometheus itself adds the series, for each target or alert."""
    return name in _BUILT_IN


def metrics_in(tree: object, regexes: Sequence[str]) -> tuple[str, ...]:
    """Return the names and patterns of the metrics that an expression selects, each once.

    The tree contains a number in place of each regular expression: its index in `regexes`.
    `promql_parser.walk` copies each subtree: a second for 200 nested operators.
    """
    names: dict[str, None] = {}
    stack: list[Any] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, promql_parser.VectorSelector):
            names |= dict.fromkeys(_names_of(node, regexes))
            continue
        children = [getattr(node, name, None) for name in _CHILDREN]
        stack += filter(None, reversed([*children, *getattr(node, "args", ())]))
    return tuple(names)[:_MAX_NAMES]


def _names_of(selector: promql_parser.VectorSelector, regexes: Sequence[str]) -> Iterator[str]:
    if selector.name:
        yield from name_or_pattern(selector.name)
    matchers: Any = selector.matchers
    for matcher in [
        *matchers.matchers,
        *(each for group in matchers.or_matchers for each in group),
    ]:
        if matcher.name == "__name__" and matcher.op == MatchOp.Equal:
            yield from name_or_pattern(matcher.value)
        elif matcher.name == "__name__" and matcher.op == MatchOp.Re:
            yield from pattern(regexes[int(matcher.value.removesuffix("|"))])


def name_or_pattern(name: str) -> Iterator[str]:
    """Yield a name; as a pattern if it has a stand-in, unless that is all of it."""
    if _STAND_INS.search(name):
        yield from pattern(".*".join(map(re.escape, _STAND_INS.split(name))))
    elif name and len(name) <= _MAX_NAME_LENGTH:
        yield name


def pattern(expression: str) -> Iterator[str]:
    """Yield a regular expression as a pattern, unless it matches everything or is too long."""
    expression = _STAND_INS.sub(".*", expression)
    if re.fullmatch(r"[a-zA-Z_][\w:]*", expression, re.ASCII):
        yield expression
    elif re.sub(r"[.*+()]", "", expression) and len(expression) <= _MAX_PATTERN_LENGTH:
        yield PATTERN + expression


def matching(pattern: str, names: Iterable[str]) -> list[str] | None:
    """Return the names that a pattern matches; None if that is not known."""
    expression = pattern.removeprefix(PATTERN)
    try:
        return sorted(name for name in names if regex.matches(expression, name))
    except (ValueError, regex.TooLarge):
        return None
