"""Tests of parsing samples of metrics."""

import time

import pytest

from hub.content.rules.samples import parse_sample

REDIS = """# HELP redis_up Whether it answers.
# TYPE redis_up gauge
redis_up{instance="a"} 1
# HELP redis_seconds Latency.
# TYPE redis_seconds histogram
redis_seconds_bucket{le="+Inf"} 1
redis_seconds_sum 2
redis_seconds_count 1
"""


@pytest.mark.parametrize(
    ("text", "series"),
    [
        (REDIS, ["redis_up", "redis_seconds", "redis_seconds_bucket"]),
        ("# TYPE a counter\na 1\n", ["a"]),
        ("# TYPE a_total counter\na_total 1\n", ["a_total"]),
        ("# TYPE a counter\na_total 1\na_created 2\n# EOF\n", ["a_total", "a_created"]),
        ("# TYPE a info\na_info 1\n# EOF\n", ["a_info"]),
        ('# TYPE a summary\na{quantile="0.5"} 1\na_sum 1\n', ["a", "a_sum", "a_count"]),
        ("# TYPE a histogram\n", ["a", "a_bucket", "a_sum", "a_count"]),
        ('a_total{x="y"} 1.0 # {trace_id="b c"} 0.5\n', ["a_total"]),
        ('# TYPE "a.b" gauge\n{"a.b", x="y"} 1\n', ["a.b"]),
        ("a NaN 1395066363000\nb +Inf\n", ["a", "b"]),
        ("# Title\n\n```text\n# TYPE a gauge\na 1\n```\n\n~~~sh\nls\n~~~\n", ["a"]),
        ("```\na 1\n```\ntext\n```\nb 1\n", ["a", "b"]),
        ("- As text:\n\n  ```\n  # TYPE a gauge\n  a 1\n  ```\n", ["a"]),
        ("Text 1\n\n    # TYPE a gauge\n    a 1\n\nVersion 2\n", ["a"]),
        ("Text\n::\n\n\t# HELP a Help.\n\ta 1\nVersion 2\n", ["a"]),
        ("```\nls\n```\n<pre>\n# TYPE a gauge\na 1\n</pre>\n", ["a"]),
        ("<pre># HELP a Help.\n# TYPE a gauge\na 1\n</pre>\n", ["a"]),
        ("<html>\n" + "<p>\n" * 50 + "# TYPE a gauge\na 1\nb 1\n", ["a", "b"]),
        # a truncated OpenMetrics sample
        (
            "# TYPE a counter\na_total 1\n# TYPE b info\nb_info 1\n",
            ["a_total", "a_created", "b_info"],
        ),
        ("It is down.\n", []),
        ("", []),
    ],
)
def test_time_series(text: str, series: list[str]) -> None:
    found = [name for metric in parse_sample(text).metrics for name in metric.series]
    assert found[: len(series)] == series
    assert bool(found) == bool(series)


def test_what_is_read_of_a_metric() -> None:
    sample = parse_sample(REDIS)
    up = sample.metrics[0]
    assert (up.name, up.type, up.help, up.labels) == (
        *("redis_up", "gauge", "Whether it answers."),
        ("instance",),
    )
    assert sample.metrics[1].labels == ("le",)
    assert sample.whole


@pytest.mark.parametrize(
    "text",
    [
        ('a{b="' + "x" * 1_000 + '"} 1\n') * 20,
        "a 1\n" * 20_000,
        ('a{b="' + "x" * 900 + '"} 1\n') * 1_200,
        "x{\n" * 30_000,
    ],
    ids=["long lines", "many lines", "many characters", "many invalid lines"],
)
def test_every_name_of_a_large_sample_is_read(text: str) -> None:
    sample = parse_sample(REDIS + text + "last 1\n")
    assert "last" in [metric.name for metric in sample.metrics]


@pytest.mark.parametrize("text", ["x:\n" + REDIS, f"```\n{REDIS}```\n", "a 1\n"])
def test_a_file_with_other_text_is_not_only_a_sample(text: str) -> None:
    assert not parse_sample(text).whole


def test_the_version_is_that_of_a_build_info() -> None:
    sample = parse_sample('redis_exporter_build_info{version="v1.62.0"} 1\nb{version="2"} 1\n')
    assert (sample.version, sample.build_info) == ("v1.62.0", "redis_exporter_build_info")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (REDIS + "redis_up{instance= 1\n", 9, "not a time series in the exposition format"),
        ("$ curl a:1\n" + REDIS, 1, "not a time series"),
        ("# text\n```\n" + REDIS + "...\n```\n", 11, "not a time series"),
        ("# TYPE a number\na 1\n", 1, "a: 'number' is not a type"),
        ("a 1\nb " + "x" * 3_000, 2, "not a time series"),
        ("a 1\n" * 100_001, 100_001, "only the first 100,000 lines"),
        (REDIS + "x y z\n" * 20, 9, "20 lines are no time series"),
        ("".join(f"m{n} 1\n" for n in range(3_001)), 1, "only the first 3,000 metrics"),
        ("# TYPE a counter\na 1\n# EOF\n", 1, "not valid OpenMetrics"),
    ],
)
def test_invalid_lines_are_reported_and_the_others_are_read(
    text: str, line: int, reason: str
) -> None:
    sample = parse_sample(text)
    assert reason in sample.findings[0].reason
    assert sample.findings[0].line == line


@pytest.mark.parametrize(
    "text",
    [
        "# TYPE a gauge\n" * 100_000,
        "a 1\n" * 500_000,
        ("a{" + ",".join(f'l{n}="x"' for n in range(100)) + "} 1\n") * 1_000,
        ('a{b="' + '\\"' * 450 + '"} 1\n') * 2_000,
        "a 1\n" + "x{\n" * 600_000,
        "a 1\n" + "`" * 2_000_000,
    ],
)
def test_a_hostile_sample_costs_at_most_as_much_as_a_hundred_ordinary_ones(text: str) -> None:
    metrics = (f'# TYPE m{n} gauge\nm{n}{{a="b"}} {n}\n' for n in range(1_000))
    ordinary = cpu_seconds("".join(metrics))
    assert cpu_seconds(text) / ordinary < 100


def cpu_seconds(text: str) -> float:
    started = time.process_time()
    parse_sample(text)
    return time.process_time() - started
