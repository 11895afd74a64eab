"""Tests of the comparison of used metrics with samples, in directories."""

from pathlib import Path

import pytest

from hub.content.judgement import Judgement, judge_directory, judge_files
from hub.content.rules.judge import judge
from hub.content.rules.parsing import MAX_FILE_SIZE
from tests.common import contents

SAMPLE = b"# HELP a_up Up.\n# TYPE a_up gauge\na_up 1\n# TYPE a_total counter\na_total 1\n"
FENCED = b"# Metrics\n```\n" + SAMPLE + b"```\n"


def judged(**files: bytes) -> Judgement:
    return judge_directory({path: judge(data) for path, data in files.items()})


def said(judgement: Judgement) -> list[tuple[str, str, int, str]]:
    return [
        (each.level.value, each.path, each.line, each.reason)
        for each in judgement.findings
        if each.about == "metrics"
    ]


def alerts(*expressions: str) -> bytes:
    rules = "".join(f"  - {{alert: A{n}, expr: '{e}'}}\n" for n, e in enumerate(expressions))
    return f"groups:\n- name: a\n  rules:\n{rules}".encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        *(("metrics.txt", SAMPLE), ("Redis_sample_metrics.md", FENCED), ("a.prom", SAMPLE)),
        *(("metrics.md", FENCED), ("sample-metrics", SAMPLE), ("v1.2/metrics.txt", SAMPLE)),
        *(("exported.txt", SAMPLE), ("example_metrics.txt", SAMPLE + b"...\n")),
        *(
            ("a.metrics", b"a_up 1\n"),
            ("metrics.rst", b"::\n\n    " + SAMPLE.replace(b"\n", b"\n    ")),
        ),
    ],
)
def test_a_sample_is_recognized(name: str, data: bytes) -> None:
    assert [sample.path for sample in judged(**{name: data}).fit.samples] == [name]


@pytest.mark.parametrize(
    ("name", "data"),
    [("README.md", FENCED), ("alerts.yaml", alerts("up") + b"# TYPE a gauge\n"), ("a.txt", b"a 1")],
)
def test_what_is_no_sample(name: str, data: bytes) -> None:
    judgement = judged(**{name: data})
    assert (judgement.fit.samples, said(judgement)) == ((), [])


@pytest.mark.parametrize(
    ("expressions", "checked", "fitting"),
    [
        (("a_up", "rate(a_total[5m])"), 2, 2),
        (("a_up", "b_up"), 2, 1),
        (("up", "ALERTS", "scrape_duration_seconds"), 0, 0),
        (("a_up", '{job="x"}'), 1, 1),
        (('{__name__=~"a_.*"}',), 1, 1),
        (('{__name__=~"b_.*"}', "a_up"), 2, 1),
        (('{__name__=~"a_.{2}"}', "a_up"), 2, 2),
        # not known whether it matches
        (('{__name__=~"a_\\\\pL{9}"}', "a_up"), 1, 1),
        ((*(f'{{__name__=~"a_[{n}u].*"}}' for n in range(60)), "a_up"), 51, 51),
    ],
)
def test_counts(expressions: tuple[str, ...], checked: int, fitting: int) -> None:
    files = {"metrics.txt": SAMPLE, "alert.yaml": alerts(*expressions)}
    fit = judged(**files).fit
    assert (fit.checked, fit.fitting) == (checked, fitting)


def test_a_name_that_the_sample_lacks_is_a_note_with_its_line() -> None:
    judgement = judged(**{"metrics.txt": SAMPLE, "alert.yaml": alerts("a_up", "b_up + c")})
    assert said(judgement) == [
        ("note", "alert.yaml", 5, "alert 'A1': `b_up`, `c` not in the sample metrics.txt")
    ]


def test_a_file_that_uses_nothing_of_the_sample_is_a_warning() -> None:
    judgement = judged(**{"metrics.txt": SAMPLE, "alert.yaml": alerts("b_up", "c_up", "up")})
    assert said(judgement) == [
        (
            *("warning", "alert.yaml", 1),
            "uses no metric that the sample metrics.txt contains: is one of them of another "
            "exporter?",
        )
    ]


def test_metrics_of_client_libraries_do_not_hide_that_a_sample_is_of_another_exporter() -> None:
    sample = SAMPLE + b"# TYPE go_goroutines gauge\ngo_goroutines 1\n"
    files = {"metrics.txt": sample, "alert.yaml": alerts("b_up", "go_goroutines", "process_x")}
    (finding,) = said(judged(**files))
    assert (finding[0], finding[3][:41]) == ("warning", "uses no metric that the sample metrics.tx")
    only_library = judged(**{"metrics.txt": sample, "alert.yaml": alerts("go_goroutines", "go_x")})
    assert [level for level, *_ in said(only_library)] == ["note"]


def test_a_file_that_uses_a_recording_rule_of_the_directory_is_not_of_another_exporter() -> None:
    recording = b"groups:\n- name: a\n  rules:\n  - {record: 'a:rate', expr: 'rate(a_total[5m])'}\n"
    files = {"metrics.txt": SAMPLE, "alert.yaml": alerts("a:rate", "b_up"), "r.yaml": recording}
    assert said(judged(**files)) == [
        ("note", "alert.yaml", 5, "alert 'A1': `b_up` not in the sample metrics.txt")
    ]


def test_recording_rules_of_the_directory_define_names() -> None:
    recording = b"groups:\n- name: a\n  rules:\n  - {record: 'a:rate', expr: 'rate(a_total[5m])'}\n"
    files = {"metrics.txt": SAMPLE, "alert.yaml": alerts("a:rate"), "recording.yaml": recording}
    judgement = judged(**files)
    assert said(judgement) == []
    assert {each.name for each in judgement.fit.metrics if each.defined} == {"a:rate"}


def test_without_a_sample_nothing_is_known() -> None:
    judgement = judged(**{"alert.yaml": alerts("b_up")})
    assert (judgement.fit.checked, said(judgement)) == (0, [])
    assert [(each.name, each.versions) for each in judgement.fit.metrics] == [("b_up", ())]


def test_a_sample_of_another_version_says_nothing() -> None:
    rules = alerts("b_up")
    files = {"v1.0/metrics.txt": SAMPLE, "v2.0/alert.yaml": rules}
    assert said(judged(**files)) == []
    assert len(said(judged(**files, **{"v1.0/alert.yaml": rules}))) == 1
    assert len(said(judged(**{"metrics.txt": SAMPLE, "v2.0/alert.yaml": rules}))) == 1


def test_a_file_for_all_versions_is_compared_with_the_samples_of_all() -> None:
    other = SAMPLE.replace(b"a_up", b"b_up")
    rules = alerts("a_up", "b_up", "c_up")
    judgement = judged(**{"v1/metrics.txt": SAMPLE, "v2/metrics.txt": other, "alert.yaml": rules})
    assert (judgement.fit.checked, judgement.fit.fitting) == (3, 2)
    assert said(judgement) == [("note", "alert.yaml", 6, "alert 'A2': `c_up` not in 2 samples")]


def test_a_sample_that_is_not_read_is_reported() -> None:
    files = {"metrics.prom": None, "metrics.png": None, "alert.yaml": judge(alerts("a_up"))}
    (finding,) = judge_directory(files).findings
    assert (finding.path, finding.reason) == (
        "metrics.prom",
        "named like a sample of metrics, but not read: too large, or too many files",
    )


@pytest.mark.parametrize("name", ["metrics.txt", "redis_sample_metrics", "v1/a.prom"])
def test_a_sample_that_is_too_large_makes_no_content_unknown(name: str) -> None:
    judgement = judge_files([(name, "a" * 40, MAX_FILE_SIZE + 1)], {}, {})
    assert judgement.kinds() == {}
    assert [each.path for each in judgement.findings] == [name]


def test_used_names_are_kept_if_there_are_too_many() -> None:
    many = b"".join(b"# TYPE m%d histogram\n" % number for number in range(1_500))
    fit = judged(**{"metrics.txt": many, "alert.yaml": alerts("m1_count", "absent")}).fit
    assert [each.name for each in fit.metrics if each.uses] == ["m1_count", "absent"]


def test_errors_are_kept_if_there_are_too_many_findings() -> None:
    absent = alerts(*(f"b{number}" for number in range(99)), "a_up")
    files = {f"{name}.yaml": absent for name in "abcd"} | {"z_alert.yaml": b"groups: [\n"}
    findings = judged(**{"metrics.txt": SAMPLE} | files).findings
    assert len(findings) == 300
    assert [each.path for each in findings if each.level == "error"] == ["z_alert.yaml"]


@pytest.mark.parametrize(
    ("name", "data", "version", "source"),
    [
        ("v1.2/metrics.txt", SAMPLE, "v1.2", "the folder"),
        ("sample_metrics_v1.3.0.txt", SAMPLE, "v1.3.0", "the file's name"),
        ("metrics.txt", SAMPLE + b'a_build_info{version="1.4"} 1\n', "1.4", "a_build_info"),
        ("metrics.txt", SAMPLE, "", ""),
    ],
)
def test_the_version_of_a_sample(name: str, data: bytes, version: str, source: str) -> None:
    (sample,) = judged(**{name: data}).fit.samples
    assert (sample.version, sample.version_source) == (version, source)


def test_a_broken_sample_is_reported() -> None:
    assert said(judged(**{"metrics.txt": SAMPLE + b"a_up{ 1\n"}))[0][:3] == (
        *("warning", "metrics.txt", 6),
    )
    (missing,) = said(judged(**{"a_sample_metrics.md": b"# To be written\n"}))
    assert missing[3].startswith("named like a sample of metrics, but contains none")
    assert said(judged(**{"metrics.md": b"The exporter has many metrics.\n"})) == []


def test_every_used_name_of_the_real_contents_has_a_verdict(real_contents: Path) -> None:
    """Kafka and Collectd have samples; their names were compared by reading the files."""
    for name, number in (("Kafka_Exporter", 10), ("Collectd_Exporter", 5)):
        folder = real_contents / "contents" / name
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.suffix in (".md", ".yaml", ".json")
        }
        fit = judged(**files).fit
        used = {each.name for each in fit.metrics if each.uses}
        assert len(used) == fit.checked == fit.fitting == number


def test_a_dashboard_of_builtin_metrics_needs_no_sample() -> None:
    judgement = judged(**{"metrics.txt": SAMPLE, "dashboard.json": contents.dashboard()})
    assert said(judgement) == []
