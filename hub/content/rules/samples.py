"""Parse samples: what an exporter answers to a scrape, saved in a file.

The format is Prometheus' text format or OpenMetrics. In Markdown and reStructuredText it is in code
blocks: between fences, or indented.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TextIO, cast

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_fd_to_metric_families

from hub.content.rules.report import About, Findings, SampleMetric

_MAX_LINES = 100_000  # the largest known sample, of a Kubernetes API server, has 24,000
# Beyond these limits only the names of time series are read, without the library's parser: it is
# slow, and quadratic in the length of a line.
_MAX_PARSED_LENGTH = 1_000  # characters of a line
_MAX_PARSED_LINES = 20_000
_MAX_PARSED = 1_000_000  # characters of all lines
_MAX_REPORTED_LINES = 10
_MAX_METRICS = 3_000
_MAX_HELP_LENGTH = 500  # characters stored
_MAX_NAME_LENGTH = 200
_MAX_LABELS = 50  # of a metric
_NAME = r"[a-zA-Z_:][\w:]*+"
_DECLARATION = re.compile(
    rf'#[ \t]+(TYPE|HELP)[ \t]+("(?:[^"\\]|\\.)*+"|{_NAME})(?:[ \t]+(.*))?', re.ASCII
)
_SERIES = re.compile(rf"({_NAME})(?:\{{.*\}})?[ \t]+[-+]?(?:[\d.]|NaN|Inf)", re.ASCII)
# What a file with a sample contains, unless it begins with a time series.
_HINT = re.compile(r"^[ \t]*+(?:#[ \t]+(?:TYPE|HELP)[ \t]|```|~~~)", re.MULTILINE)
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
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        reason = f"only the first {_MAX_LINES:,} lines of the sample are read"
        sample.findings.warning(_MAX_LINES + 1, reason)
        lines = lines[:_MAX_LINES]
    stripped = [line.strip() for line in lines]  # a fence may be in a list
    code = _samples_in(_fenced_blocks(stripped)) or _samples_in(_indented_blocks(lines))
    families: dict[str, _Family] = {}
    for first, block in code or _samples_in([(1, stripped)]):
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
    if len(families) > _MAX_METRICS:
        reason = f"only the first {_MAX_METRICS:,} metrics of the sample are read"
        sample.findings.warning(1, reason)
    declared = any(map(_DECLARATION.match, stripped))
    sample.whole = declared and not code and not sample.findings
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


def _indented_blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the indented blocks, stripped, unless lines outside of them declare metrics."""
    if any(map(_DECLARATION.match, lines)):
        return
    for indented, group in groupby(
        enumerate(lines, 1), lambda each: each[1][:1] in {" ", "\t", ""}
    ):
        block = list(group)
        if indented:
            yield block[0][0], [line.strip() for _, line in block]


def _samples_in(blocks: Iterable[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    return [(first, lines) for first, lines in blocks if _looks_like_sample(lines)]


def _looks_like_sample(lines: list[str]) -> bool:
    """Whether a line declares a metric, or the first line is a time series."""
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return bool(_SERIES.match(first)) or any(map(_DECLARATION.match, lines))


def _parse_block(
    sample: Sample, families: dict[str, _Family], first: int, lines: list[str]
) -> None:
    """Add the metrics of a block. Lines that are not valid become findings."""
    for number, line in enumerate(lines, first):
        if match := _DECLARATION.match(line):
            _declare(sample, families, number, match)
    found: dict[str, set[str]] = {}  # time series → labels
    for name, labels in _series(sample, first, lines):
        found.setdefault(name, set()).update(labels)
        if name.endswith("_build_info") and labels.get("version") and not sample.version:
            sample.version, sample.build_info = labels["version"][:80], name
    openmetrics = _is_openmetrics(families, found.keys(), lines)
    if openmetrics:
        _check_openmetrics(sample, first, lines)
    suffixes = _OPENMETRICS_SUFFIXES if openmetrics else _SUFFIXES
    for name, family in families.items():
        family.series |= dict.fromkeys(name + suffix for suffix in suffixes.get(family.type, ("",)))
    owners = {series: family for family in families.values() for series in family.series}
    for name, label_names in found.items():
        if name not in owners:
            owners[name] = families[name] = _Family(series={name: None})
        owners[name].labels |= label_names


def _is_openmetrics(
    families: Mapping[str, _Family], series: Collection[str], lines: list[str]
) -> bool:
    """Whether the block is OpenMetrics: it has its end, or a counter as only OpenMetrics has it."""
    return "# EOF" in lines or any(
        family.type == "counter"
        and name not in series
        and f"{name}_total" in series
        and f"{name}_total" not in families
        for name, family in families.items()
    )


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


def _series(
    sample: Sample, first: int, lines: list[str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the name and the labels of each time series; without labels beyond the limits."""
    invalid: list[int] = []
    left_lines, left = _MAX_PARSED_LINES, _MAX_PARSED
    for number, line in enumerate(lines, first):
        if not line or line.startswith("#"):
            continue
        left_lines, left = left_lines - 1, left - len(line)
        parse = left_lines >= 0 and left >= 0 and len(line) <= _MAX_PARSED_LENGTH
        found = _parse_line(line) if parse else _name_in(line)
        if found is None:
            invalid.append(number)
        elif len(found[0]) <= _MAX_NAME_LENGTH:
            yield found
    if len(invalid) > _MAX_REPORTED_LINES:
        reason = f"{len(invalid):,} lines are no time series in the exposition format: ignored"
        sample.findings.warning(invalid[0], reason)
        return
    for number in invalid:
        reason = "not a time series in the exposition format: the line is ignored"
        sample.findings.warning(number, reason)


def _parse_line(line: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the name and labels of a time series, or None if the line is not valid."""
    try:
        (metric,) = text_fd_to_metric_families(cast(TextIO, [line]))
    except (ValueError, IndexError):
        return None
    return metric.samples[0].name, metric.samples[0].labels


def _name_in(line: str) -> tuple[str, Mapping[str, str]] | None:
    match = _SERIES.match(line)
    return (match[1], {}) if match else None


def _check_openmetrics(sample: Sample, first: int, lines: list[str]) -> None:
    """Add a finding if a scraper that accepts only OpenMetrics would reject the block."""
    text = "".join(f"{line}\n" for line in lines if line)
    if (
        len(lines) > _MAX_PARSED_LINES
        or len(text) > _MAX_PARSED
        or max(map(len, lines)) > _MAX_PARSED_LENGTH
    ):
        return
    try:
        list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    except (ValueError, IndexError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0][:120] or "a line is not valid"
        sample.findings.note(first, f"not valid OpenMetrics: {reason}")
