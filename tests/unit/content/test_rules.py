"""Tests of judging directories: real ones, the findings, and which files are read."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.content.judgement import (
    Judgement,
    judge_directory,
    reading_order,
    worth_reading,
)
from hub.content.kinds import LETTERS
from hub.content.rules.judge import judge
from hub.content.rules.parsing import MAX_FILE_SIZE
from hub.content.rules.report import FileReport

SAMPLE = Path(__file__).resolve().parents[3] / "hub" / "demo" / "sample"
BROKEN = {"Squid"}  # the sample's example of an error


def judged(directory: Path) -> Judgement:
    """Judge the directory as a lookup does."""
    reports = {}
    for file in directory.rglob("*"):
        if file.is_file():
            path = file.relative_to(directory).as_posix()
            read = worth_reading(path, file.stat().st_size)
            reports[path] = judge(file.read_bytes()) if read else None
    return judge_directory(reports)


def test_every_cell_of_the_real_contents(real_contents: Path) -> None:
    truth = json.loads((real_contents / "truth.json").read_text())
    found = {name: judged(real_contents / "contents" / name) for name in truth}
    wrong = [
        (name, kind)
        for name, said in truth.items()
        for kind in LETTERS
        if (found[name].present(kind), found[name].usable(kind))
        != (said[kind], said["usable"][kind])
    ]
    assert len(truth) == 11
    assert wrong == []


@pytest.mark.parametrize("kind", LETTERS)
def test_every_cell_of_the_sample(kind: str) -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    found = {name: judged(SAMPLE / "contents" / name) for name in truth}
    assert {name: found[name].present(kind) for name in truth} == {
        name: said[kind] for name, said in truth.items()
    }
    assert {name: found[name].usable(kind) for name in truth} == {
        name: said[kind] and name not in BROKEN for name, said in truth.items()
    }
    errors = [
        name
        for name, judgement in found.items()
        for finding in judgement.findings
        if finding.level == "error"
    ]
    assert errors == [*BROKEN]


RULES = b"groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n"
CHART = b"apiVersion: v2\nname: a\nversion: 1.0.0\n"
LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
HAWSER = LFS.replace(b"git-lfs", b"hawser")
LFS_EXTENSION = LFS.replace(b"oid", b"ext-0-foo sha256:" + b"a" * 64 + b"\noid", 1)
UNRENDERED = b"apiVersion: v1\nkind: Service\nname: {{ .Values.x }}\nx: [\n"


def said(files: dict[str, bytes | None]) -> list[tuple[str, str, int, str]]:
    """Return the findings of a directory: level, path, line and reason."""
    reports = {path: None if data is None else judge(data) for path, data in files.items()}
    found = judge_directory(reports).findings
    return [(f.level.value, f.path, f.line, f.reason) for f in found]


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        (
            {"a_alert.yaml": RULES + b"    x: y\n"},
            ("error", "a_alert.yaml", 6, "alert 'A': Prometheus rejects the unknown field 'x'"),
        ),
        (
            {"a_alert.yaml": b"# to be written\n"},
            ("warning", "a_alert.yaml", 1, "named like alerting rules, but contains no alert"),
        ),
        (
            {"a_dahsboard.json": b'{"name": "x"}'},
            ("warning", "a_dahsboard.json", 1, "named like a dashboard, but contains no dashboard"),
        ),
        (
            {"config.yaml": b"a: [\n"},
            ("error", "config.yaml", 2, "not valid YAML: did not find expected node content"),
        ),
        (
            {"a_helm.yaml": UNRENDERED},
            (
                "error",
                "a_helm.yaml",
                1,
                "a Helm template outside a chart: neither Helm nor kubectl accepts it",
            ),
        ),
        (
            {"a_helm.yaml": b"$ helm install a b/a\n"},
            (
                "error",
                "a_helm.yaml",
                1,
                "contains commands instead of a chart, values or a manifest",
            ),
        ),
        (
            {"a_alert.yaml": b"{{ if .Values.x }}\n" + RULES + b"{{ end }}\n"},
            (
                "error",
                "a_alert.yaml",
                1,
                "the rules contain Helm template actions, which Prometheus cannot load",
            ),
        ),
        (
            {"h/Chart.yaml": b"# x\napiVersion: v2\nname: a\n", "h/templates/a.yaml": b""},
            ("error", "h/Chart.yaml", 2, "Chart.yaml lacks `version`, which Helm requires"),
        ),
        (
            {"h/Chart.yaml": CHART, "h/template/a.yaml": None},
            (
                "error",
                "h/template",
                1,
                "Helm renders only a folder named `templates`: rename this one",
            ),
        ),
        (
            {"h/Chart.yaml": CHART},
            ("error", "h", 1, "the chart has no `templates`: Helm would install nothing"),
        ),
        (
            {"Chart.yaml": CHART},
            ("error", ".", 1, "the chart has no `templates`: Helm would install nothing"),
        ),
        (
            {"h/values.yaml": b"a: b\n", "h/templates/a.yaml": None},
            ("error", "h", 1, "the chart has no Chart.yaml, which Helm requires"),
        ),
        (
            {"h/Chart.yml": CHART, "h/templates/a.yaml": None},
            ("error", "h/Chart.yml", 1, "Helm reads only a file named Chart.yaml: rename this one"),
        ),
        (
            {"a.json": LFS},
            (
                "warning",
                "a.json",
                1,
                "not read: a pointer of Git LFS, whose content is not in the repository",
            ),
        ),
    ],
)
def test_findings(files: dict[str, bytes | None], finding: tuple[str, str, int, str]) -> None:
    assert finding in said(files)


def test_a_good_directory_has_no_finding() -> None:
    files = {"a_alert.yaml": RULES, "h/Chart.yaml": CHART, "h/templates/a.yaml": None}
    assert said({**files, "README.md": None, "image.png": None}) == []


def test_findings_are_sorted_by_path_and_line() -> None:
    found = said({"b.yaml": b"a: [\n", "a_alert.yaml": RULES + b"    y: z\n    x: y"})
    assert [each[1:3] for each in found] == [
        ("a_alert.yaml", 6),
        ("a_alert.yaml", 7),
        ("a_alert.yaml", 7),
        ("b.yaml", 2),
    ]


def test_a_chart_whose_templates_were_not_read_is_present() -> None:
    judgement = judge_directory({"h/Chart.yaml": judge(CHART)}, {"h/templates": "not read"})
    assert states(judgement) == "Iag"
    assert judgement.usable("I") is None


def states(judgement: Judgement) -> str:
    """Return the letters of the kinds: upper case if present, lower case if unknown."""
    present = {letter: judgement.present(letter) for letter in LETTERS}
    return "".join(
        k.lower() if is_ is None else k for k, is_ in present.items() if is_ is not False
    )


@pytest.mark.parametrize(
    ("files", "unread", "kinds"),
    [
        ({}, "x.yaml", "iag"),
        ({}, "x_alert.yaml", "iag"),
        ({"a.yaml": RULES}, "x.yaml", "iAg"),
        ({}, "v1.2", "iag"),
        ({}, ".", "iag"),
        ({"h/Chart.yaml": CHART, "h/templates/a.yaml": None}, "h/x.yaml", "Iag"),
        ({"h/Chart.yaml": CHART, "h/templates/a.yaml": None}, "h/values.yaml", "I"),
        ({"h/Chart.yaml": CHART, "h/templates/a.yaml": None}, "h/charts/x", "I"),
        ({"h/templates/a.yaml": None}, "h/Chart.yaml", "iag"),
    ],
)
def test_what_was_not_read_may_contain_any_kind(
    files: dict[str, bytes | None], unread: str, kinds: str
) -> None:
    reports = {path: None if data is None else judge(data) for path, data in files.items()}
    judgement = judge_directory(reports, {unread: "not read: a test"})
    assert states(judgement) == kinds
    assert all(judgement.usable(letter) for letter in kinds if letter.isupper())
    assert all(judgement.usable(letter.upper()) is None for letter in kinds if letter.islower())
    errors = [finding for finding in judgement.findings if finding.level == "error"]
    assert errors == []


@pytest.mark.parametrize("name", ["a.json", "alert.yaml", "Chart.yaml", "rules"])
@pytest.mark.parametrize("data", [LFS, LFS.replace(b"\n", b"\r\n"), HAWSER, LFS_EXTENSION])
def test_a_pointer_of_git_lfs_may_contain_any_kind(name: str, data: bytes) -> None:
    assert states(judge_directory({name: judge(data)})) == "iag"


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "image.png", ".helmignore", "a.csv"])
def test_a_pointer_that_is_documentation_hides_nothing(name: str) -> None:
    judgement = judge_directory({name: judge(LFS)})
    assert (states(judgement), judgement.findings) == ("", ())


@pytest.mark.parametrize(
    "data", [LFS.partition(b"size")[0], b"# " + LFS, LFS + b"groups: []\n", LFS + b" " * 1000]
)
def test_what_only_resembles_a_pointer_is_read(data: bytes) -> None:
    assert judge(data).format != "lfs"


def test_one_usable_file_is_enough() -> None:
    broken, good = judge(RULES.replace(b"up", b"up up")), judge(RULES)
    assert judge_directory({"a.yaml": broken}).usable("A") is False
    unread = {"b.yaml": "not read: a test"}
    assert judge_directory({"a.yaml": broken}, unread).usable("A") is None
    assert judge_directory({"a.yaml": broken, "c.yaml": good}, unread).usable("A")


def test_evidence_names_every_file() -> None:
    good = judge(RULES)
    judgement = judge_directory({"b/a.yaml": good, "a.yaml": good, "c.yaml": judge(b"a: b\n")})
    assert judgement.evidence() == {"I": [], "A": ["a.yaml", "b/a.yaml"], "G": []}


@pytest.mark.parametrize(
    ("path", "worth"),
    [
        ("a.yaml", True),
        ("a.YML", True),
        ("a.ymal", True),
        ("a.json", True),
        ("a.rules", True),
        ("a_alert.yaml.txt", True),
        ("README.md", True),
        ("alerts", True),
        ("a.png", False),
        ("a.tgz", False),
        ("a.alerts", True),
        ("a.unknown", True),
        ("_helpers.tpl", True),
        ("h/templates/deployment.yaml", True),
        ("h/templates/prometheusrule.yaml", True),
        ("h/templates/grafana-dashboards.yaml", True),
        ("h/templates/NOTES.txt", True),
        ("h/charts/a-1.0.0.tgz", False),
    ],
)
def test_what_is_worth_reading(path: str, worth: bool) -> None:
    assert worth_reading(path, 100) is worth
    assert worth_reading(path, MAX_FILE_SIZE) is worth
    assert not worth_reading(path, MAX_FILE_SIZE + 1)


def test_judged_files_are_read_before_documentation() -> None:
    paths = ["a/README.md", "b.md", "h/templates/alert.yaml", "h/Chart.yaml", "z.yaml", "a.json"]
    assert sorted(paths, key=reading_order) == [
        *("a.json", "z.yaml", "h/Chart.yaml", "h/templates/alert.yaml"),
        *("b.md", "a/README.md"),
    ]


PARTS = st.sampled_from(
    [
        *("a", "nc", "v1.0", "helm-chart", "charts", "templates", "template", "Chart.yaml", "x"),
        *("values.yaml", "requirements.yaml", "a_alert.yaml", "dashboard.json", "README", "b.txt"),
        *("values.schema.json", "Chart.yml", "rules", ".yaml", "é.json", "a b.yml", "..", " "),
    ]
)
REPORTS = st.sampled_from(
    [
        None,
        judge(LFS),
        *map(judge, [b"", RULES, CHART, UNRENDERED, b"a: [\n", b"\0", b"image: x\n"]),
        *map(judge, [b'{"schemaVersion": 1, "panels": []}', b"$ helm install x\n"]),
        *map(judge, [b"kind: Pod\napiVersion: v1\n", b"a: b\nr:\n  - {alert: A, expr: up}\n"]),
    ]
)


@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(st.dictionaries(st.lists(PARTS, min_size=1, max_size=6).map("/".join), REPORTS, max_size=12))
def test_no_directory_makes_it_raise(reports: dict[str, FileReport | None]) -> None:
    judgement = judge_directory(reports)
    assert {path for paths in judgement.evidence().values() for path in paths} <= reports.keys()
    assert Judgement.from_json(json.loads(json.dumps(judgement.as_json()))) == judgement
    for path in reports:
        reading_order(path)


@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(st.dictionaries(st.text(min_size=1, max_size=30), REPORTS, max_size=6))
def test_no_path_makes_it_raise(reports: dict[str, FileReport | None]) -> None:
    judge_directory(reports)
    for path in reports:
        worth_reading(path, 1)


def test_a_directory_of_thousands_of_charts_is_judged() -> None:
    """Checking each file against each chart would take 64 million steps."""
    chart = judge(CHART)
    files = {f"{n}/{name}": chart for n in range(4_000) for name in ("Chart.yaml", "values.yaml")}
    files |= {f"{n}/templates/a.yaml": None for n in range(4_000)}
    assert len(judge_directory(files).evidence()["I"]) == 4_000
