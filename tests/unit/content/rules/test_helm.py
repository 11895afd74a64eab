"""Tests of what Helm reads besides a chart's metadata: `.helmignore`, `kubeVersion`, `.Files`.

The results of `.helmignore` and `kubeVersion` are those of Helm 3.17.
"""

import pytest

from hub.content.judgement import Judgement, judge_directory
from hub.content.rules.judge import judge
from hub.content.rules.kube_version import kube_version_problem

CHART = "apiVersion: v2\nname: demo\nversion: 1.0.0\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: demo\n"
RULES = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up == {{ .Values.limit }}\n"
BOARD = '{"title": "a", "panels": [{"type": "stat", "gridPos": {}, "targets": [{"expr": "EXPR"}]}]}'
GLOB = """kind: PrometheusRule
spec:
{{ range $path, $_ := .Files.Glob "rules/*.yaml" }}{{ tpl ($.Files.Get $path) $ }}{{ end }}
"""


def judged(files: dict[str, str]) -> Judgement:
    files = {"Chart.yaml": CHART, "templates/service.yaml": SERVICE} | files
    return judge_directory({path: judge(text.encode()) for path, text in files.items()})


def errors(judgement: Judgement) -> list[str]:
    return [finding.reason for finding in judgement.findings if finding.level == "error"]


@pytest.mark.parametrize(
    ("lines", "ignored"),
    [
        ("templates/bad.yaml", True),
        ("# a comment\n\n  bad.yaml  \r\n", True),
        ("/templates/bad.yaml", True),
        ("*/bad.yaml", True),
        ("templates/b?d.y*l", True),
        ("templates/[ab]ad.yaml", True),
        ("templates/[^c]ad.yaml", True),
        (r"templates/\bad.yaml", True),
        ("!service.yaml\n", True),
        ("/bad.yaml", False),
        ("templates/[^ab]ad.yaml", False),
        ("templates/[!c]ad.yaml", False),
        ("bad.yaml/", False),
        ("BAD.yaml", False),
        ("./templates/bad.yaml", False),
        ("templates/{bad,x}.yaml", False),
    ],
)
def test_ignored_templates(lines: str, ignored: bool) -> None:
    judgement = judged({"templates/bad.yaml": "{{ if }}", ".helmignore": lines})
    broken = "Helm cannot parse the template: an action is empty" in errors(judgement)
    assert broken != ignored


@pytest.mark.parametrize("lines", ["tests/", "tests", "templates/tests/", "templates/tests/*"])
def test_ignored_folders(lines: str) -> None:
    assert judged({"templates/tests/bad.yaml": "{{ if }}", ".helmignore": lines}).usable("I")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("# x\n**/a\n", "Helm does not support `**` in .helmignore"),
        ("a\ntemplates/[a\n", "'templates/[a' in .helmignore is not a valid pattern"),
        ("a\n\\\n", "is not a valid pattern"),
        ("Chart.yaml\n", ".helmignore names Chart.yaml: remove it there"),
        ("templates\n", "the chart has no `templates`: Helm would install nothing"),
    ],
)
def test_helmignore_that_breaks_the_chart(lines: str, reason: str) -> None:
    judgement = judged({".helmignore": lines})
    assert judgement.usable("I") is False
    (error,) = errors(judgement)
    assert reason in error


def test_a_hidden_file_in_templates_is_ignored_below_the_chart_only() -> None:
    assert judged({"templates/.bad.yaml": "{{ if }}", ".helmignore": "*.md\n"}).usable("I")


@pytest.mark.parametrize(
    ("requirements", "reason"),
    [
        ("dependencies:\n- {name: a, version: 1}\n- {name: a, version: 2}\n", "are called 'a'"),
        ("dependencies: {}\n", "requirements.yaml: `dependencies` is not a list"),
    ],
)
def test_dependencies_in_a_file_of_their_own(requirements: str, reason: str) -> None:
    judgement = judged({"requirements.yaml": requirements})
    (error,) = errors(judgement)
    assert reason in error
    assert judgement.usable("I") is False
    assert judged({"docs/requirements.yaml": requirements}).usable("I") is True
    assert judged({"requirements.yaml": "dependencies:\n- {name: a}\n"}).usable("I") is True


def test_ignored_values_are_not_read() -> None:
    assert judged({"values.yaml": "- a\n", ".helmignore": "values.yaml\n"}).usable("I")
    assert judged({"values.yaml": "- a\n"}).usable("I") is False


@pytest.mark.parametrize(
    "constraint",
    [
        *(">=1.19.0-0", ">= 1.19, < 1.40", ">=1.25.0-0 <1.40.0-0", ">=1.25.0-0,<1.40.0-0"),
        *("x", "*", "1.x", "1.x.x", "1.x || 2", "^1.25.0", "~1.35", "~>1", "=>1.19", "v1.35.0"),
        *("1.20 - 1.40", "1.20 - 1.40 || 2.x", "!=1.25", ">1.19.x", ">= v1.19", ">=1.19.0+abc"),
        *(">=1.19\t<1.40", "> 1.19 ,< 1.40", ">=1.019"),
    ],
)
def test_a_kube_version_that_helm_accepts(constraint: str) -> None:
    assert kube_version_problem(constraint) == ""


@pytest.mark.parametrize(
    "constraint",
    [
        *("latest", "a.b", ">=1.2.3.4", ">=1.19 ||", ">1.2<1.50", ">=1.19,", ",>=1.19", "  "),
        *(">=1.19 - 1.40", "1.20 -1.40", ">=99", "^2", "<1.0", ">1.30 <1.20", "1" * 400),
    ],
)
def test_a_kube_version_that_helm_rejects(constraint: str) -> None:
    assert kube_version_problem(constraint)
    judgement = judged({"Chart.yaml": f"{CHART}kubeVersion: '{constraint}'\n"})
    assert judgement.usable("I") is False
    assert "kubeVersion" in errors(judgement)[0]


def test_a_kube_version_is_what_the_chart_needs() -> None:
    judgement = judged({"Chart.yaml": f"{CHART}kubeVersion: '>=1.25.0-0'\n"})
    (note,) = [finding for finding in judgement.findings if finding.about == "chart"]
    assert (note.level, note.line, note.needs) == ("note", 4, "Kubernetes >=1.25.0-0")
    assert judgement.usable("I") is True


@pytest.mark.parametrize(
    "template",
    [
        GLOB,
        GLOB.replace("/*", "/**"),
        GLOB.replace('"rules/*.yaml"', "(printf `%s` .Values.glob)"),
        'data: {{ tpl (.Files.Get "rules/a.yaml") . | quote }}\n',
        "data: {{ tpl (.Files.Get `rules/a.yaml`) . | quote }}\n",
        '{{- (tpl (.Files.Glob "rules/*").AsConfig .) | nindent 2 }}\n',
    ],
)
def test_rules_that_a_template_renders_from_a_file(template: str) -> None:
    judgement = judged({"rules/a.yaml": RULES, "templates/rule.yaml": template})
    assert (judgement.present("A"), judgement.usable("A")) == (True, None)
    assert judgement.evidence()["A"] == ["rules/a.yaml"]
    assert errors(judgement) == []
    assert "a template of the chart renders the file" in {f.reason for f in judgement.findings}


@pytest.mark.parametrize(
    "files",
    [
        {"templates/rule.yaml": GLOB.replace("rules/", "others/")},  # another folder
        {"templates/rule.yaml": GLOB.replace("tpl", "toYaml")},  # the actions stay
        {"templates/rule.yaml": GLOB, ".helmignore": "rules/\n"},
        {"templates/rule.yaml": GLOB, "Chart.yaml": CHART.replace("1.0.0", "latest")},
    ],
)
def test_rules_that_no_template_renders(files: dict[str, str]) -> None:
    judgement = judged({"rules/a.yaml": RULES} | files)
    assert (judgement.present("A"), judgement.usable("A")) == (True, False)


@pytest.mark.parametrize(
    "values",
    [
        "rules:\n- alert: A\n  expr: up\n",
        "rules:\n- alert: A\n  expr: up > {{ .Values.limit }}\n",
        "extra:\n  rules:\n  - alert: A\n    expr: up > {{ .Values.limit }}\n",
    ],
)
def test_values_that_only_a_template_makes_rules(values: str) -> None:
    template = "kind: PrometheusRule\nspec: {{ tpl (toYaml .Values.rules) . }}\n"
    judgement = judged({"values.yaml": values, "templates/rule.yaml": template})
    assert (judgement.present("A"), judgement.usable("A"), errors(judgement)) == (True, None, [])
    without = judged({"values.yaml": values})
    assert without.present("A") is False


def test_rules_below_a_key_of_an_included_file() -> None:
    template = 'kind: PrometheusRule\nspec: {{ (.Files.Get "a.yaml" | fromYaml).alerts }}\n'
    files = {"a.yaml": "alerts:\n- {alert: A, expr: up}\n", "templates/rule.yaml": template}
    judgement = judged(files)
    assert (judgement.present("A"), judgement.usable("A")) == (True, None)
    assert judged(files | {"b.yaml": files["a.yaml"], "a.yaml": ""}).present("A") is False


def test_files_without_actions_are_judged_as_they_are() -> None:
    rules = RULES.replace("{{ .Values.limit }}", "0")
    assert judged({"rules/a.yaml": rules, "templates/rule.yaml": GLOB}).usable("A") is True
    broken = judged({"rules/a.yaml": rules + "    exp: a\n", "templates/rule.yaml": GLOB})
    assert broken.usable("A") is False


@pytest.mark.parametrize("expr", ["up > {{ .Values.limit }}", '{{ include \\"demo.expr\\" . }}'])
def test_a_dashboard_that_a_template_renders(expr: str) -> None:
    template = GLOB.replace("rules", "boards").replace("yaml", "json")
    files = {"boards/a.json": BOARD.replace("EXPR", expr), "templates/a.yaml": template}
    judgement = judged(files)
    assert (judgement.present("G"), judgement.usable("G"), errors(judgement)) == (True, None, [])
    raw = judged(files | {"boards/a.json": BOARD.replace('"EXPR"', "{{ .Values.expr }}")})
    assert (raw.present("G"), raw.usable("G"), errors(raw)) == (True, None, [])
