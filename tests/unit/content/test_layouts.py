"""Tests of realistic directory layouts.

The expected result is written as letters: `I`, `A` and `G` for content that is present and usable,
in lower case if it is present but not usable.
"""

import gzip
from base64 import b64encode

import pytest

from hub.content.judgement import Judgement, judge_directory, worth_reading
from hub.content.kinds import LETTERS
from hub.content.rules.judge import judge

ALERT = """\
- alert: RedisDown
  expr: redis_up == 0
  for: 5m
  labels:
    severity: critical
  annotations:
    summary: Redis is down
"""


def indented(text: str, by: int) -> str:
    return "".join(" " * by + line for line in text.splitlines(keepends=True))


RULES = indented(ALERT, 2)
GROUP = "- name: redis\n  rules:\n" + RULES
GROUPS = "groups:\n" + GROUP
RECORDING = "groups:\n- name: redis\n  rules:\n  - record: job:up:sum\n    expr: sum(up)\n"
RULE_HEAD = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: redis\n"
PROMETHEUS_RULE = RULE_HEAD + "spec:\n" + indented(GROUPS, 2)
NO_RULES = RULE_HEAD + "spec:\n  groups: []\n"
TEMPLATED_RULE = PROMETHEUS_RULE.replace("name: redis\n", 'name: {{ include "x" . }}\n', 1)
PANEL = '{"title": "Up", "type": "graph", "targets": [{"expr": "redis_up"}]}'
DASHBOARD = (
    f'{{\n  "title": "Redis",\n  "schemaVersion": 16,\n  "panels": [\n    {PANEL}\n  ]\n}}\n'
)
OLD_DASHBOARD = f'{{"title": "Redis", "rows": [{{"title": "Row", "panels": [{PANEL}]}}]}}'
SHARED = f"""{{
"__inputs": [{{"name": "DS_PROM", "type": "datasource", "pluginId": "prometheus"}}],
"__requires": [{{"type": "grafana", "id": "grafana", "version": "8.1.0"}}],
"title": "Redis", "panels": [{PANEL}]}}"""
DASHBOARD_V2 = """{"apiVersion": "dashboard.grafana.app/v2alpha1", "kind": "Dashboard",
"metadata": {"name": "redis"}, "spec": {"title": "Redis", "layout": {"kind": "GridLayout"},
"elements": {"panel-1": {"kind": "Panel", "spec": {"title": "Up", "data": {"kind": "QueryGroup",
"spec": {"queries": [{"kind": "PanelQuery", "spec": {"query": {"kind": "prometheus",
"spec": {"expr": "redis_up"}}}}]}}, "vizConfig": {"kind": "stat"}}}}}}"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n"
CHART = "apiVersion: v2\nname: redis-exporter\nversion: 1.2.3\nappVersion: 1.27.0\n"
VALUES = "replicaCount: 1\nimage:\n  repository: redis\nservice:\n  port: 9121\nresources: {}\n"
FEW_VALUES = "exporter:\n  address: redis:6379\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: redis\nspec:\n  ports: []\n"
DEPLOYMENT = SERVICE.replace("v1", "apps/v1").replace("Service", "Deployment")
UNRENDERED = DEPLOYMENT.replace("redis", '{{ include "redis.fullname" . }}')
MONITOR = RULE_HEAD.replace("PrometheusRule", "ServiceMonitor") + "spec: {}\n"
COMMANDS = "console\nhelm repo add x https://charts.example.org\nhelm install redis x/redis\n```\n"
MARKDOWN = "# Redis\n\n* **metrics**: `redis_up`\n\n```bash\nls\n```\n\n**Note**: [a](b)\n"
COMPOSE = 'version: "3"\nservices:\n  redis:\n    image: redis\nvolumes: {}\n'
SCRAPE = (
    "global:\n  scrape_interval: 15s\nrule_files: [x.yml]\nscrape_configs:\n- job_name: redis\n"
)
BLACKBOX = "modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n"
ALERTMANAGER = "route:\n  receiver: mail\nreceivers:\n- name: mail\ninhibit_rules: []\n"
LOKI = GROUPS.replace("redis_up == 0", """'sum(rate({app="redis"} |= "error" [5m])) > 1'""")
GRAFANA_ALERTS = """\
apiVersion: 1
groups:
- orgId: 1
  name: redis
  folder: x
  interval: 1m
  rules:
  - uid: abc
    title: Redis is down
    condition: C
    data: []
"""
HELM_RELEASE = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: redis}\n"
APPLICATION = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: redis}\n"
IN_CHART = {"helm-chart/values.yaml": VALUES, "helm-chart/templates/deployment.yaml": ""}
TESTS = (
    "rule_files: [x.yml]\ntests:\n- alert_rule_test:\n  - alertname: RedisDown\n    eval_time: 5m\n"
)


GROUPS_IN_VALUES = VALUES + "extra:\n" + indented(GROUPS, 2)
RULE_FROM_VALUES = RULE_HEAD + "spec:\n  groups:\n    {{- toYaml .Values.groups | nindent 4 }}\n"
WORKFLOW = "name: lint\non: [push]\njobs:\n  lint:\n    steps: []\n"
OPERATOR = "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\nspec:\n"
ZIPPED = b64encode(gzip.compress(DASHBOARD.encode())).decode()
SECRET = CONFIG_MAP.replace("ConfigMap", "Secret")


def chart(folder: str, metadata: str = CHART, name: str = "Chart.yaml") -> dict[str, str]:
    """Return the files of a chart in a folder; the templates are empty."""
    files = {name: metadata, "values.yaml": VALUES, "templates/_helpers.tpl": ""}
    files |= {"templates/deployment.yaml": "", "templates/prometheusrule.yaml": ""}
    return {folder + path: text for path, text in files.items()}


DIRECTORIES: dict[str, tuple[dict[str, str], str]] = {
    # the repository's own layouts
    "flat": (
        {"A_alert.yaml": GROUPS, "A_dashboard.json": DASHBOARD, "A_helm.yaml": VALUES, "A.md": ""},
        "IAG",
    ),
    "versions": (
        {
            "nc/v1.0.0/A_alert.yaml": GROUPS.replace("expr", "exp"),
            "nc/v1.1.0/A_alert.yaml": GROUPS,
            "nc/v1.1.0/A_dasboard.json": DASHBOARD,
            **chart("nc/v1.1.0/helm-chart/"),
        },
        "IAG",
    ),
    "only words": ({"README.md": MARKDOWN, "A_alert.md": GROUPS, "images/x.png": "x"}, ""),
    "nothing": ({}, ""),
    # charts
    "chart": (chart("helm-chart/"), "I"),
    "chart in the root": (chart(""), "I"),
    "chart below helm/NAME": (chart("helm/redis-exporter/"), "I"),
    "chart below charts/NAME": (chart("charts/redis-exporter/"), "I"),
    "chart with its alerts spelled out": (
        chart("helm/") | {"helm/templates/prometheusrule.yaml": TEMPLATED_RULE},
        "IA",
    ),
    "chart with a rule template that is a range over values": (
        chart("helm/")
        | {"helm/templates/prometheusrule.yaml": NO_RULES + "{{ toYaml .Values.rules }}\n"},
        "I",
    ),
    "chart with alerts in its values": (
        chart("h/") | {"h/values.yaml": VALUES + "rule:\n  rules:\n" + RULES},
        "I",
    ),
    "chart with alerts in its values, which a template renders": (
        chart("h/")
        | {"h/values.yaml": GROUPS_IN_VALUES, "h/templates/rule.yaml": RULE_FROM_VALUES},
        "IA",
    ),
    "chart with broken alerts in its values, which a template renders": (
        chart("h/")
        | {"h/values.yaml": GROUPS_IN_VALUES.replace("== 0", "==")}
        | {"h/templates/rule.yaml": RULE_FROM_VALUES},
        "Ia",
    ),
    "chart with a broken template": (chart("h/") | {"h/templates/a.tpl": "{{ if .x }}"}, "i"),
    "chart with a template that is not Helm's": (
        chart("h/") | {"h/templates/a.tpl": "{{ humanize 1 }}"},
        "i",
    ),
    "chart with a broken file that is no template": (
        chart("h/") | {"h/files/a.tpl": "{{ if .x }}", "h/templates/.a.tpl": "{{ if .x }}"},
        "I",
    ),
    "chart with an example in its values": (
        chart("h/") | {"h/values.yaml": VALUES + "prometheusRule:\n  rules: []\n  # - alert: X\n"},
        "I",
    ),
    "chart with dashboards": (chart("h/") | {"h/pods.json": DASHBOARD}, "IG"),
    "chart with a schema of its values": (chart("h/") | {"h/values.schema.json": "{}"}, "I"),
    "chart with someone else's below charts/": (
        chart("h/") | chart("h/charts/x/") | {"h/charts/x/a.json": DASHBOARD},
        "I",
    ),
    "chart with more values": (chart("h/") | {"h/vaules-nc.yaml": FEW_VALUES}, "I"),
    "chart with template/": (
        {p.replace("templates/", "template/"): t for p, t in chart("helm-chart/").items()},
        "i",
    ),
    "chart of definitions alone": ({"h/Chart.yaml": CHART, "h/crds/redis.yaml": DEPLOYMENT}, "I"),
    "chart without templates": ({"h/Chart.yaml": CHART, "h/values.yaml": VALUES}, "i"),
    "chart without Chart.yaml": (IN_CHART, "i"),
    "chart with Chart.yml": (chart("h/", name="Chart.yml"), "i"),
    "chart with chart.yaml": (chart("h/", name="chart.yaml"), "i"),
    "chart without a version": (chart("h/", CHART.replace("version: 1.2.3\n", "")), "i"),
    "chart with broken metadata": (chart("h/", "name: [\n"), "i"),
    "chart with empty metadata": (chart("h/", ""), "i"),
    "chart with broken values": (chart("h/") | {"h/values.yaml": "a: [\n"}, "i"),
    "chart with broken values of someone": (chart("h/") | {"h/my-values.yaml": "a: [\n"}, "I"),
    "umbrella chart": (
        {"h/Chart.yaml": CHART + "dependencies:\n- name: redis\n  version: 1.0.0\n"},
        "I",
    ),
    "umbrella chart with requirements.yaml": (
        {"h/Chart.yaml": CHART, "h/requirements.yaml": "dependencies:\n- name: redis\n"},
        "I",
    ),
    "umbrella chart with what it needs": (
        {"h/Chart.yaml": CHART, "h/charts/redis-1.0.0.tgz": "x"},
        "I",
    ),
    "library chart": ({"h/Chart.yaml": CHART + "type: library\n"}, "I"),
    # single files for Helm or Kubernetes
    "values by their content": ({"custom.yaml": VALUES}, "I"),
    "values by their name": ({"nc-helm.yaml": FEW_VALUES}, "I"),
    "values, misspelt": ({"vaules-nc.yaml": FEW_VALUES}, "I"),
    "values with a suffix misspelt": ({"values.ymal": FEW_VALUES}, "I"),
    "values that the chart renders": (
        {"A_helm.yaml": VALUES + "host: '{{ .Release.Name }}-redis'\n"},
        "I",
    ),
    "values and manifests in one file": ({"A_helm.yaml": VALUES + "---\n" + SERVICE}, "I"),
    "values with rules": ({"A_helm.yaml": VALUES + "extra:\n" + indented(GROUPS, 2)}, "IA"),
    "values that do not parse": ({"values.yaml": VALUES + "\tx: y\n"}, "i"),
    "manifest": ({"deploy.yaml": DEPLOYMENT}, "I"),
    "manifests in one file": ({"A.yaml": SERVICE + "---\n" + DEPLOYMENT}, "I"),
    "manifests and a rule in one file": ({"all.yaml": SERVICE + "---\n" + PROMETHEUS_RULE}, "IA"),
    "manifest as JSON": ({"svc.json": '{"apiVersion": "v1", "kind": "Service"}'}, "I"),
    "manifest that does not parse": ({"k8s.yaml": DEPLOYMENT + " x\n"}, "i"),
    "list of manifests": (
        {"all.yaml": "apiVersion: v1\nkind: List\nitems:\n- " + indented(SERVICE, 2)[2:]},
        "I",
    ),
    "kustomization": ({"kustomization.yaml": "resources:\n- a.yaml\n", "a.yaml": SERVICE}, "I"),
    "kustomization alone": ({"kustomization.yml": "resources:\n- github.com/x/y\n"}, "I"),
    "manifest with templates of Alertmanager": (
        {"am.yaml": CONFIG_MAP + "  am.yml: 'title: {{ template \"x\" . }}'\n"},
        "I",
    ),
    "manifest with Helm's actions in comments": (
        {"a.yaml": "# was {{ .Values.x }}\n" + DEPLOYMENT},
        "I",
    ),
    "helmfile": ({"helmfile.yaml": "releases:\n- name: x\n  chart: x/redis\n"}, "I"),
    "Flux": ({"release.yaml": HELM_RELEASE}, "I"),
    "Argo CD": ({"app.yaml": APPLICATION}, "I"),
    "ServiceMonitor alone": ({"monitor.yaml": MONITOR}, "I"),
    "unrendered template": ({"A_helm.yaml": UNRENDERED}, "i"),
    "unrendered template of a valid form": (
        {"A_helm.yaml": DEPLOYMENT.replace("redis", '"{{ .Values.name }}"')},
        "i",
    ),
    "commands": ({"A_helm.yaml": COMMANDS}, "i"),
    "a link": ({"A_helm.yaml": "https://charts.example.org/redis\n"}, ""),
    "Markdown named YAML": ({"A_md.yaml": MARKDOWN, "x_readme.yml": MARKDOWN}, ""),
    "a README with manifests and rules in it": ({"README": "* `x`\n" + SERVICE + GROUPS}, ""),
    "docker-compose": ({"docker-compose.yml": COMPOSE}, ""),
    "configuration of an exporter": ({"blackbox.yml": BLACKBOX}, ""),
    "configuration of Prometheus": ({"prometheus.yml": SCRAPE}, ""),
    "a workflow for charts": ({".github/workflows/helm-lint.yaml": WORKFLOW}, ""),
    "configuration of Prometheus for Kubernetes": ({"kubernetes.yml": SCRAPE}, ""),
    "unit tests of rules for Kubernetes": ({"k8s_test.yaml": TESTS}, ""),
    "configuration of kind": (
        {"kind.yaml": "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\nnodes: []\n"},
        "",
    ),
    "configuration of the kubelet": (
        {"a.yaml": "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"},
        "",
    ),
    "an SLO": ({"slo.yaml": "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\n"}, ""),
    "a kustomization with its type": (
        {"a.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"},
        "I",
    ),
    "schema of values alone": ({"values.schema.json": '{"properties": {}, "type": "object"}'}, ""),
    "metadata of a package": ({"package.json": '{"name": "x", "version": "1.0.0"}'}, ""),
    "an empty values file": ({"A_helm.yaml": ""}, ""),
    # alerting rules
    "alerts": ({"A_alert.yaml": GROUPS}, "A"),
    "alerts without groups:": ({"A_alerts.yml": "## Add groups:\n# groups:\n" + GROUP}, "A"),
    "alerts whose first line is missing": ({"a.yml": GROUP}, "a"),
    "a list of alerts": ({"alert-rules.yaml": "\n" + RULES}, "A"),
    "a single alert": ({"a.yaml": "alert: RedisDown\nexpr: redis_up == 0\n"}, "A"),
    "alerts below a folder": ({"alert/redis.yaml": GROUPS}, "A"),
    "rules for Prometheus": ({"prometheus/rules.yml": GROUPS}, "A"),
    "alerts as text": ({"A_alert.yaml.txt": GROUPS}, "A"),
    "alerts with a suffix misspelt": ({"A_alret.ymal": GROUPS}, "A"),
    "alerts with the suffix rules": ({"redis.rules": GROUPS}, "A"),
    "alerts with the suffix alerts": ({"redis.alerts": GROUPS}, "A"),
    "alerts with an unknown suffix": ({"redis.prom": GROUPS}, "A"),
    "alerts in YAML's flow style": (
        {"a.yml": "{groups: [{name: x, rules: [{alert: X, expr: up}]}]}"},
        "A",
    ),
    "alerts below a misspelt key": ({"a.yml": GROUPS.replace("groups", "gruops")}, "a"),
    "alerts of which one field is misspelt": ({"a.yml": GROUPS.replace("expr", "Expr")}, "a"),
    "alerts with a template that Prometheus cannot parse": (
        {"a.yml": GROUPS.replace("Redis is down", "'{{ $label.x }}'")},
        "a",
    ),
    "alerts without a suffix": ({"redis-alerts": GROUPS}, "A"),
    "alerts as JSON": (
        {"r.json": '{"groups": [{"name": "x", "rules": [{"alert": "X", "expr": "up"}]}]}'},
        "A",
    ),
    "alerts with Windows line endings": ({"a.yml": "\ufeff" + GROUPS.replace("\n", "\r\n")}, "A"),
    "alerts escaped from Helm": (
        {"a.yaml": GROUPS.replace("Redis is down", '"[`{{`{{$labels.x}}`}}`] down"')},
        "A",
    ),
    "alerts with Prometheus' templates": (
        {"a.yaml": GROUPS.replace("Redis is down", '"{{ if $value }}down{{ end }}"')},
        "A",
    ),
    "alerts, one of which makes Prometheus refuse the file": (
        {"a.yaml": GROUPS + "  - alert: Bad\n    expr: sum(\n  - alert: None\n"},
        "a",
    ),
    "alerts, all of which are broken": ({"a.yaml": GROUPS.replace("== 0", "==")}, "a"),
    "alerts that do not parse": ({"A_alert.yaml": GROUPS + "   - alert: X\n"}, "a"),
    "alerts that do not parse, with no telling name": ({"x.yaml": GROUPS + "\tx: [\n"}, "a"),
    "alerts that do not parse, named like notes": ({"nodes.yaml": GROUPS + "\tx: [\n"}, "a"),
    "alerts in Latin-1": ({"a.yaml": GROUPS + "  # \udce9\n"}, "a"),
    "alerts as a template outside of a chart": (
        {"A_alert.yaml": "{{- if .Values.enabled }}\n" + TEMPLATED_RULE + "{{- end }}\n"},
        "a",
    ),
    "alerts in templates/ without a chart": ({"templates/A_alert.yaml": GROUPS}, "A"),
    "PrometheusRule": ({"rule.yaml": PROMETHEUS_RULE}, "A"),
    "PrometheusRule without alerts": ({"A_alert.yaml": NO_RULES}, ""),
    "PrometheusRule that records": ({"a.yaml": RULE_HEAD + "spec:\n" + indented(RECORDING, 2)}, ""),
    "VictoriaMetrics' rule": ({"a.yaml": PROMETHEUS_RULE.replace("PrometheusRule", "VMRule")}, "A"),
    "rules in a ConfigMap": ({"a.yaml": CONFIG_MAP + "  r.yml: |\n" + indented(GROUPS, 4)}, "A"),
    "only comments": ({"A_alert.yaml": "# to be written\n"}, ""),
    "alerts commented out": (
        {"A_alert.yaml": "".join("# " + x for x in GROUPS.splitlines(True))},
        "",
    ),
    "groups with their rules commented out": (
        {"A_alert.yaml": "groups:\n- name: x\n  rules:\n  # - alert: X\n"},
        "",
    ),
    "an empty alert file": ({"A_alert.yaml": ""}, ""),
    "recording rules": ({"A_rules.yaml": RECORDING}, ""),
    "recording rules that do not parse": ({"A_rules.yaml": RECORDING + "\tx\n"}, ""),
    "unit tests of rules": ({"A_alert_test.yaml": TESTS}, ""),
    "configuration of Alertmanager": ({"alertmanager.yml": ALERTMANAGER}, ""),
    "alerts for Loki": ({"loki_alert.yaml": LOKI}, "a"),
    "alerts of Grafana's own": ({"grafana_alerts.yaml": GRAFANA_ALERTS}, ""),
    # dashboards
    "dashboard": ({"A_dashboard.json": DASHBOARD}, "G"),
    "dashboard with rows": ({"A-Dashboard.json": OLD_DASHBOARD}, "G"),
    "dashboard, misspelt": ({"A_dahsboard.json": DASHBOARD}, "G"),
    "dashboard with no telling name": ({"a.json": DASHBOARD}, "G"),
    "dashboard below a folder": ({"dashboards/overview.json": DASHBOARD}, "G"),
    "dashboard with a suffix misspelt": ({"A_dashbord.jsn": DASHBOARD}, "G"),
    "dashboard as text": ({"grafana-dash.json.txt": DASHBOARD}, "G"),
    "dashboard with Windows line endings": (
        {"a.json": "\ufeff" + DASHBOARD.replace("\n", "\r\n")},
        "G",
    ),
    "dashboard wrapped": ({"a.json": f'{{"meta": {{}}, "dashboard": {DASHBOARD}}}'}, "G"),
    "dashboard for sharing": ({"a.json": SHARED}, "G"),
    "dashboards in an array": ({"all.json": f"[{DASHBOARD}, {OLD_DASHBOARD}]"}, "G"),
    "dashboard of schema v2": ({"a.json": DASHBOARD_V2}, "G"),
    "dashboard in a ConfigMap": (
        {"cm.yaml": CONFIG_MAP + "  a.json: |\n" + indented(DASHBOARD, 4)},
        "G",
    ),
    "dashboard for Grafana's operator": (
        {
            "d.yaml": "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\n"
            "spec:\n  json: |\n" + indented(DASHBOARD, 4)
        },
        "G",
    ),
    "dashboard in a Secret": (
        {"s.yaml": SECRET + f"  a.json: {b64encode(DASHBOARD.encode()).decode()}\n"},
        "G",
    ),
    "dashboard for Grafana's operator, compressed": (
        {"d.yaml": f"{OPERATOR}  gzipJson: {ZIPPED}\n"},
        "G",
    ),
    "dashboard for Grafana's operator, elsewhere": (
        {"d.yaml": OPERATOR + "  url: https://example.org/a.json\n"},
        "G",
    ),
    "dashboard for Grafana's operator, broken": (
        {"d.yaml": OPERATOR + "  json: |\n" + indented(DASHBOARD[:-8], 4)},
        "g",
    ),
    "dashboard without a title": ({"a.json": DASHBOARD.replace("Redis", "")}, "g"),
    "dashboard with an invalid uid": (
        {"a.json": DASHBOARD.replace('"title": "Redis"', '"title": "Redis", "uid": "a/b"')},
        "g",
    ),
    "dashboard of panels that need no query": (
        {"a.json": DASHBOARD.replace(PANEL, '{"type": "grafana-clock-panel"}')},
        "G",
    ),
    "dashboard as YAML": ({"a.yaml": DASHBOARD.replace("{\n", "---\n{\n", 1)}, "G"),
    "dashboard without panels": ({"a.json": DASHBOARD.replace(PANEL, "")}, "g"),
    "dashboard with panels that ask nothing": (
        {"a.json": DASHBOARD.replace("targets", "target")},
        "g",
    ),
    "dashboard cut off": ({"A_dashboard.json": DASHBOARD[:-8]}, "g"),
    "dashboard cut off before its panels": (
        {"a.json": '{"annotations": {"list": [{"datasource": "-- Grafana --", "enable'},
        "g",
    ),
    "dashboard with a comma too many": ({"a.json": DASHBOARD.replace("  ]", "  ],")}, "g"),
    "a data source": ({"A_dashboard.json": '{"name": "P", "type": "prometheus"}'}, ""),
    "a page instead of a dashboard": ({"A_dashboard.json": "<html>404: Not Found</html>"}, ""),
    "panels of another tool": ({"A_dashboard.json": '{"panels": [{"id": 1}]}'}, ""),
    "an empty dashboard": ({"A_dashboard.json": ""}, ""),
    "dashboard in a README": ({"README.txt": "* `x`\n" + DASHBOARD}, ""),
}


def judged(files: dict[str, str]) -> Judgement:
    """Judge the files as a lookup does; lone surrogates represent bytes that are not UTF-8."""
    reports = {}
    for path, text in files.items():
        data = text.encode(errors="surrogateescape")
        reports[path] = judge(data) if worth_reading(path, len(data)) else None
    return judge_directory(reports)


def letters(judgement: Judgement) -> str:
    """Return the letters of the kinds that are present, in upper case if they are usable."""
    present = (kind for kind in LETTERS if judgement.present(kind))
    return "".join(kind if judgement.usable(kind) else kind.lower() for kind in present)


@pytest.mark.parametrize("name", DIRECTORIES)
def test_a_directory(name: str) -> None:
    files, truth = DIRECTORIES[name]
    judgement = judged(files)
    assert letters(judgement) == truth, judgement
    assert {path for paths in judgement.evidence().values() for path in paths} <= files.keys()


@pytest.mark.parametrize("name", [n for n, (_, truth) in DIRECTORIES.items() if truth.islower()])
def test_unusable_content_has_an_error(name: str) -> None:
    errors = [f for f in judged(DIRECTORIES[name][0]).findings if f.level == "error"]
    assert errors
    assert all(finding.reason and finding.line > 0 for finding in errors)
