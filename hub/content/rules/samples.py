"""Parse samples: what an exporter answers to a scrape, saved in a file.

The format is Prometheus' text format or OpenMetrics; in Markdown it is inside code fences.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TextIO, cast

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_fd_to_metric_families

from hub.content.rules.report import About, Findings, SampleMetric

_MAX_LINES = 20_000  # the largest known samples have 5,000
# The parser is quadratic in the length of a line.
_MAX_LINE_LENGTH = 1_000  # characters
_MAX_LENGTH = 1_000_000  # characters of time series
_MAX_BROKEN_LINES = 10
_MAX_METRICS = 3_000
_MAX_HELP_LENGTH = 500  # characters stored
_MAX_NAME_LENGTH = 200
_MAX_LABELS = 50  # of a metric
_NAME = r"[a-zA-Z_:][\w:]*+"
_DECLARATION = re.compile(
    rf'#[ \t]+(TYPE|HELP)[ \t]+("(?:[^"\\]|\\.)*+"|{_NAME})(?:[ \t]+(.*))?', re.ASCII
)
_SERIES = re.compile(rf"{_NAME}(?:\{{.*\}})?[ \t]+[-+]?(?:[\d.]|NaN|Inf)", re.ASCII)
# What a file with a sample contains, unless it begins with a time series.
_HINT = re.compile(r"^(?:#[ \t]+(?:TYPE|HELP)[ \t]|[ \t]*+(?:```|~~~))", re.MULTILINE)
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_TYPES = {
    *("counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset"),
    "gaugehistogram",
}
# What a time series has after the name of its metric, by type. Without a suffix: the quantiles of a
# summary, and a native histogram.
_SUFFIXES = {
    "histogram": ("", "_bucket", "_sum", "_count"),
    "gaugehistogram": ("", "_bucket", "_gsum", "_gcount"),
    "summary": ("", "_sum", "_count"),
}
_OPENMETRICS_SUFFIXES = {
    **{kind: (*suffixes, "_created") for kind, suffixes in _SUFFIXES.items()},
    "counter": ("_total", "_created"),
    "info": ("_info",),
}


@dataclass
class Sample:
    """The metrics in a file.

    `whole`: the file contains nothing else. `version`: of the exporter, as `build_info` says.
    """

    metrics: tuple[SampleMetric, ...] = ()
    findings: Findings = field(default_factory=lambda: Findings(About.METRICS))
    whole: bool = False
    version: str = ""
    build_info: str = ""


@dataclass
class _Family:
    type: str = "unknown"
    help: str = ""
    labels: set[str] = field(default_factory=set)
    series: dict[str, None] = field(default_factory=dict)  # an ordered set


def parse_sample(text: str) -> Sample:
    """Parse the text of a file. The sample has no metrics if the file contains none."""
    sample = Sample()
    if not (_HINT.search(text) or _SERIES.match(text.lstrip())):
        return sample
    lines = [line.strip() for line in text.split("\n")]  # a fence may be in a list
    fenced = list(_fenced_blocks(lines))
    families: dict[str, _Family] = {}
    for first, block in fenced or [(1, lines)]:
        if _looks_like_sample(block):
            _parse_block(sample, families, first, block)
    sample.metrics = tuple(
        SampleMetric(
            name=name,
            type=family.type,
            help=family.help,
            labels=tuple(sorted(family.labels))[:_MAX_LABELS],
            series=tuple(family.series),
        )
        for name, family in list(families.items())[:_MAX_METRICS]
    )
    declared = any(map(_DECLARATION.match, lines))
    sample.whole = declared and not fenced and not sample.findings
    return sample


def _fenced_blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the code blocks of Markdown, each with the number of its first line."""
    fence, start = "", 0
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if not fence and match:
            fence, start = match[1], number + 1
        elif match and match[1].startswith(fence) and not line[match.end() :].strip():
            yield start + 1, lines[start:number]
            fence = ""
    if fence:  # not closed: it extends to the end of the file
        yield start + 1, lines[start:]


def _looks_like_sample(lines: list[str]) -> bool:
    """Whether a line declares a metric, or the first line is a time series."""
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return bool(_SERIES.match(first)) or any(map(_DECLARATION.match, lines))


def _parse_block(
    sample: Sample, families: dict[str, _Family], first: int, lines: list[str]
) -> None:
    """Add the metrics of a block. Each line that is not valid becomes a finding."""
    if len(lines) > _MAX_LINES:
        reason = f"only the first {_MAX_LINES:,} lines of the sample are read"
        sample.findings.warning(first + _MAX_LINES, reason)
    numbered = list(enumerate(lines[:_MAX_LINES], first))
    openmetrics = any(line == "# EOF" for _, line in numbered)
    if openmetrics and max(map(len, lines)) <= _MAX_LINE_LENGTH:
        _check_openmetrics(sample, first, [line for _, line in numbered if line])
    for number, line in numbered:
        if match := _DECLARATION.match(line):
            _declare(sample, families, number, match)
    suffixes = _OPENMETRICS_SUFFIXES if openmetrics else _SUFFIXES
    for name, family in families.items():
        family.series |= dict.fromkeys(name + suffix for suffix in suffixes.get(family.type, ("",)))
    owners = {series: family for family in families.values() for series in family.series}
    for metric in _series(sample, numbered):
        for name, labels, *_ in metric.samples:
            if len(name) > _MAX_NAME_LENGTH:
                continue
            owner = owners.get(name)
            if owner is None:
                owner = owners[name] = families[name] = _Family(series={name: None})
            owner.labels |= labels.keys()
            if name.endswith("_build_info") and labels.get("version") and not sample.version:
                sample.version, sample.build_info = labels["version"][:80], name


def _declare(
    sample: Sample, families: dict[str, _Family], number: int, match: re.Match[str]
) -> None:
    what, name, text = match[1], match[2].strip('"'), match[3] or ""
    if len(name) > _MAX_NAME_LENGTH:
        return
    family = families.setdefault(name, _Family())
    if what == "HELP":
        family.help = text.replace("\\n", " ").replace("\\\\", "\\")[:_MAX_HELP_LENGTH]
    elif text in _TYPES:
        family.type = "unknown" if text == "untyped" else text
    else:
        sample.findings.warning(number, f"{name}: {text[:40]!r} is not a type of metrics")


def _series(sample: Sample, lines: Iterable[tuple[int, str]]) -> Iterator[Metric]:
    """Yield the time series, which the parser returns one by one because they have no type."""
    number, broken, left = 0, 0, _MAX_LENGTH

    def texts() -> Iterator[str]:
        nonlocal number, left
        for number, line in lines:  # noqa: B007 — for the finding
            if len(line) > _MAX_LINE_LENGTH:
                raise ValueError("too long")
            if line and not line.startswith("#"):
                left -= len(line)
                if left < 0:
                    return
                yield line

    lines = iter(lines)
    while broken < _MAX_BROKEN_LINES:
        try:
            yield from text_fd_to_metric_families(cast(TextIO, texts()))
        except (ValueError, IndexError):
            broken += 1
            reason = "not a time series in the exposition format: the line is ignored"
            sample.findings.warning(number, reason)
        else:
            if left < 0:
                sample.findings.warning(number, "the sample is too long: the rest is not read")
            return
    sample.findings.warning(number, "too many lines that are not valid: the rest is not read")


def _check_openmetrics(sample: Sample, first: int, lines: list[str]) -> None:
    """Add a finding if a scraper that accepts only OpenMetrics would reject the block."""
    try:
        list(text_string_to_metric_families("\n".join(lines) + "\n"))  # type: ignore[no-untyped-call]
    except (ValueError, IndexError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0][:120] or "a line is not valid"
        sample.findings.note(first, f"not valid OpenMetrics: {reason}")
