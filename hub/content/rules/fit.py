"""Compare the metrics that a directory's content uses with the samples in the directory.

A sample shows what one exporter on one host exported, so a metric that it lacks is never an error.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

from pydantic import TypeAdapter

from hub.content.rules.files import PROSE, YAML, DirectoryFile, directory_version
from hub.content.rules.metric_names import PATTERN, is_built_in, matching
from hub.content.rules.report import About, Finding, Level, SampleMetric

_METRIC_WORDS = {"metric", "metrics"}
_SAMPLE_WORDS = {"sample", "samples", "example", "examples"}
_SAMPLE_SUFFIXES = {".prom", ".metrics", ".openmetrics"}
# No possessive repetition of a group: see https://github.com/python/cpython/issues/106052 (3.11.4).
_VERSION = re.compile(r"(?<![0-9a-z])v?\d++(?:\.\d++)+", re.ASCII | re.IGNORECASE)
# Metrics that client libraries add to most exporters.
_CLIENT_LIBRARY = re.compile(r"(?:go|process|promhttp|python)_")
_MAX_METRICS = 5_000  # of a directory
_MAX_USES = 100  # of a metric
# To match one with thousands of names takes up to 10 ms.
_MAX_PATTERNS = 50  # of a directory
_MAX_NAMED = 5  # metrics in a finding
_MAX_ALERTS = 2_000
# The letters of the kinds whose tabs show alerts and dashboards.
_ALERTS, _DASHBOARDS = "A", "G"


@dataclass(frozen=True)
class Use:
    """A part of a file that uses a metric: `what` is such as `alert 'RedisDown'`.

    `kind`: the letter of the kind whose tab shows it.
    """

    path: str
    kind: str
    what: str
    line: int = 1


@dataclass(frozen=True)
class Metric:
    """A time series that a sample contains, or a name or pattern that content uses.

    `family`: the metric that it belongs to. `versions`: the folders of versions whose samples
    contain it, "" for a sample outside of them. `defined`: a recording rule defines it.
    """

    name: str
    family: str = ""
    type: str = ""
    help: str = ""
    labels: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    defined: bool = False
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True)
class SampleFile:
    """A sample, and the exporter's version, which `version_source` names."""

    path: str
    version: str = ""
    version_source: str = ""


@dataclass(frozen=True)
class Fit:
    """What a directory exports and uses.

    `checked`: the number of used metrics that a sample may contain, of which it has `fitting`.
    """

    metrics: tuple[Metric, ...] = ()
    samples: tuple[SampleFile, ...] = ()
    alerts: tuple[Use, ...] = ()
    checked: int = 0
    fitting: int = 0


FIT = TypeAdapter(Fit)


@dataclass
class _Found:
    family: str = ""
    metric: SampleMetric | None = None
    versions: dict[str, None] = field(default_factory=dict)  # an ordered set
    defined: bool = False
    uses: dict[Use, None] = field(default_factory=dict)


def is_sample(file: DirectoryFile) -> bool:
    """Whether a file contains a sample: nothing else, or its name says that it is one."""
    report = file.report
    if report is None or not report.sample:
        return False
    return report.format == "metrics" or named_like_a_sample(file)


def named_like_a_sample(file: DirectoryFile) -> bool:
    """Whether the name says that a file contains a sample."""
    if file.suffix in YAML | {".json"}:
        return False
    if file.suffix in _SAMPLE_SUFFIXES or (file.words <= _METRIC_WORDS and file.words):
        return True
    return not (file.words.isdisjoint(_METRIC_WORDS) or file.words.isdisjoint(_SAMPLE_WORDS))


def fit_of(files: Iterable[DirectoryFile]) -> tuple[Fit, list[Finding]]:
    """Return what the files of a directory export and use, and the findings about it."""
    files = list(files)
    findings = list(_findings_about_unread_samples(files))
    files = [file for file in files if file.report]
    samples = [file for file in files if is_sample(file)]
    findings += _findings_about_samples(files, samples)
    found: dict[str, _Found] = {}
    by_version: dict[str, dict[str, str]] = {}  # version → time series → path of its sample
    for file in samples:
        version = directory_version(file.path)
        series = by_version.setdefault(version, {})
        for metric in file.report.sample if file.report else ():
            for name in metric.series:
                entry = found.setdefault(name, _Found())
                entry.family, entry.metric = metric.name, entry.metric or metric
                entry.versions[version] = None
                series[name] = file.path
    for file in files:
        for rule in file.report.recording_rules if file.report else ():
            found.setdefault(rule.name, _Found()).defined = True
    defined = {name for name, entry in found.items() if entry.defined}
    checked, fitting = set[str](), set[str]()
    patterns: dict[tuple[str, str], list[str] | None] = {}

    @cache
    def exported_for(version: str) -> dict[str, str]:
        """Return the time series of the samples that the files of a version are compared with."""
        versions = ("", version) if version else by_version
        return dict(chain.from_iterable(by_version.get(each, {}).items() for each in versions))

    def resolve(name: str, version: str) -> list[str] | None:
        """Return the name, or the known names that a pattern matches; None if not known."""
        if not name.startswith(PATTERN):
            return [name]
        if (name, version) not in patterns and len(patterns) < _MAX_PATTERNS:
            patterns[name, version] = matching(name, exported_for(version).keys() | defined)
        return patterns.get((name, version))

    for file in files:
        uses = list(_uses_in(file))
        version = directory_version(file.path)
        exported = exported_for(version)
        missing: dict[Use, list[str]] = {}
        here = set[str]()  # of `checked`, in this file
        uses_defined = False
        for use, names in uses:
            for name in names:
                matches = resolve(name, version)
                if matches is None:
                    continue
                for each in matches or [name]:
                    found.setdefault(each, _Found()).uses[use] = None
                if not defined.isdisjoint(matches):
                    uses_defined = True
                    continue
                if is_built_in(name):
                    continue
                here.add(name)
                if not exported.keys().isdisjoint(matches):
                    fitting.add(name)
                else:
                    missing.setdefault(use, []).append(name)
        if not exported:
            continue
        checked |= here
        paths = sorted(set(exported.values()))
        # An exporter of another kind may have the same client library.
        own = {name for name in here if not _CLIENT_LIBRARY.match(name)} or here
        is_foreign = not uses_defined and own <= set(chain.from_iterable(missing.values()))
        findings += _findings_about_uses(file, missing, paths, is_foreign=is_foreign)
    used_first = sorted(found.items(), key=lambda item: not item[1].uses)
    fit = Fit(
        metrics=tuple(_metric(*item) for item in used_first[:_MAX_METRICS]),
        samples=tuple(sample_file(file) for file in samples),
        alerts=tuple(_alerts_in(files))[:_MAX_ALERTS],
        checked=len(checked),
        fitting=len(fitting & checked),
    )
    return fit, findings


def _metric(name: str, entry: _Found) -> Metric:
    metric = entry.metric or SampleMetric("", type="")
    return Metric(
        name=name,
        family=entry.family,
        type=metric.type,
        help=metric.help,
        labels=metric.labels,
        versions=tuple(entry.versions),
        defined=entry.defined,
        uses=tuple(entry.uses)[:_MAX_USES],
    )


def sample_file(file: DirectoryFile) -> SampleFile:
    """Return a sample with its version: of the folder, of the name, or of a `*_build_info`."""
    report = file.report
    if version := directory_version(file.path):
        return SampleFile(file.path, version, "the folder")
    if named := _VERSION.search(file.name):
        return SampleFile(file.path, named[0], "the file's name")
    if report and report.sample_version:
        return SampleFile(file.path, report.sample_version, report.sample_build_info)
    return SampleFile(file.path)


def _uses_in(file: DirectoryFile) -> Iterator[tuple[Use, tuple[str, ...]]]:
    """Yield what uses metrics in a file, with their names and patterns."""
    report = file.report
    if report is None or file.suffix in PROSE:
        return
    for alert in report.alerts:
        yield Use(file.path, _ALERTS, f"alert {alert.name!r}", alert.line), alert.metrics
    for rule in report.recording_rules:
        yield Use(file.path, _ALERTS, f"recording rule {rule.name!r}", rule.line), rule.metrics
    for dashboard in report.dashboards:
        for panel in dashboard.panels:
            yield Use(file.path, _DASHBOARDS, f"panel {panel.title!r}", panel.line), panel.metrics
        for query in dashboard.other_queries:
            yield Use(file.path, _DASHBOARDS, query.of, query.line), query.metrics


def _alerts_in(files: Iterable[DirectoryFile]) -> Iterator[Use]:
    for file in files:
        for alert in file.report.alerts if file.report and file.suffix not in PROSE else ():
            yield Use(file.path, _ALERTS, alert.name, alert.line)


def _findings_about_unread_samples(files: Iterable[DirectoryFile]) -> Iterator[Finding]:
    """Yield a finding about each sample that was not read, unless another finding says why."""
    for file in files:
        if file.report is None and file.text and not file.unread and named_like_a_sample(file):
            reason = "named like a sample of metrics, but not read: too large, or too many files"
            yield Finding(Level.WARNING, About.METRICS, 1, reason, file.path)


def _findings_about_samples(
    files: Iterable[DirectoryFile], samples: Iterable[DirectoryFile]
) -> Iterator[Finding]:
    for file in files:
        report = file.report
        if report is None or (not named_like_a_sample(file) and file not in samples):
            continue
        for finding in report.sample_findings:
            yield Finding(finding.level, finding.about, finding.line, finding.reason, file.path)
        # A file `metrics.md` may describe the metrics in prose.
        described = file.suffix in PROSE and file.words.isdisjoint(_SAMPLE_WORDS)
        if not (report.sample or report.sample_findings or described):
            reason = "named like a sample of metrics, but contains none: save what /metrics returns"
            yield Finding(Level.WARNING, About.METRICS, 1, reason, file.path)


def _findings_about_uses(
    file: DirectoryFile, missing: dict[Use, list[str]], samples: list[str], *, is_foreign: bool
) -> Iterator[Finding]:
    where = f"the sample {samples[0]}" if len(samples) == 1 else f"{len(samples)} samples"
    if missing and is_foreign:
        reason = f"uses no metric that {where} contains: is one of them of another exporter?"
        yield Finding(Level.WARNING, About.METRICS, 1, reason, file.path)
        return
    for use, names in missing.items():
        shown = ", ".join(f"`{shown_name(name)}`" for name in names[:_MAX_NAMED])
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        reason = f"{use.what}: {shown}{more} not in {where}"
        yield Finding(Level.NOTE, About.METRICS, use.line, reason[:500], file.path)


def shown_name(name: str) -> str:
    """Return a name as it is; a pattern as a selector of PromQL."""
    if not name.startswith(PATTERN):
        return name
    return f'{{__name__=~"{name.removeprefix(PATTERN)}"}}'
