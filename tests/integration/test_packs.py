"""Tests of packs: what goes in, that tools accept it, and that nothing breaks them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import html5lib
import jsonschema
import pytest
import yaml
from django.conf import settings
from django.test import Client

from hub.content.rules.judge import judge
from hub.content.rules.parsing import MAX_FILE_SIZE
from hub.content.rules.report import Level
from hub.demo.fake_github import Repository
from hub.github.source import configured_source
from hub.models import ContentTree
from hub.packs import render
from hub.packs.build import Pack
from tests.common import contents, packs
from tests.common.hostile import payloads
from tests.conftest import Hub

_CRDS = Path(__file__).parents[1] / "data" / "crd"
_SAMPLE = Path(settings.BASE_DIR) / "hub" / "demo" / "sample" / "contents"
_RULES = contents.alert("RedisDown")
_VALUES = b"nameOverride: ''\nservice:\n  port: 9121\nserviceMonitor:\n  enabled: false\n"


def manifest(pack: Pack) -> list[dict[str, Any]]:
    return packs.documents(render.manifest(pack, configured_source()))


def archive(pack: Pack) -> dict[str, bytes]:
    return packs.opened(render.archive(pack, configured_source()))


def of_kind(resources: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [resource for resource in resources if resource["kind"] == kind]


def validate(resource: dict[str, Any]) -> None:
    """Check a resource against its CustomResourceDefinition, which knows every valid field."""
    file = _CRDS / f"{resource['kind'].lower()}.json"
    if file.exists():
        jsonschema.validate(resource, _closed(json.loads(file.read_text())["openAPIV3Schema"]))


def _closed(schema: Any) -> Any:
    """Reject unknown fields, as `kubectl apply` does; translate Go's expressions for Python."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("pattern"), str):
        closed["pattern"] = schema["pattern"].replace("^(?i)", "(?i)^")
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed


def check_rules(rules: bytes, folder: Path) -> None:
    """Check a rule file with promtool where it is installed, and with the hub's rules."""
    assert not [finding for finding in judge(rules).findings if finding.level == Level.ERROR]
    promtool = shutil.which("promtool")
    if promtool:
        (folder / "rules.yaml").write_bytes(rules)
        command = [promtool, "check", "rules", str(folder / "rules.yaml")]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


# --- what tools accept ----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("folder", ["sample", "real"])
def test_tools_accept_the_pack_of_every_exporter(
    folder: str, real_contents: Path, tmp_path: Path
) -> None:
    root = _SAMPLE if folder == "sample" else real_contents / "contents"
    rules = boards = monitors = 0
    for directory in sorted(path for path in root.iterdir() if path.is_dir()):
        slug = directory.name.replace(" ", "-")
        packs.publish_folder(slug, directory)
        pack = packs.pack_of(slug, namespace="monitoring", labels={"release": "prometheus"})
        resources = manifest(pack)
        for resource in resources:
            validate(resource)
            assert resource["metadata"]["namespace"] == "monitoring"
            assert resource["metadata"]["labels"]["release"] == "prometheus"
        for path, data in archive(pack).items():
            if path.startswith(f"{slug}/rules/"):
                rules += 1
                check_rules(data, tmp_path)
            if path.startswith(f"{slug}/dashboards/"):
                boards += 1
                assert judge(data).dashboards[0].panels
                assert "__inputs" not in json.loads(data)
        if pack.rules:
            check_rules(render.rules(pack, configured_source(), "prometheus"), tmp_path)
        monitors += len(of_kind(resources, "ServiceMonitor"))
        usable = {f.whole_path for f in pack.exporters[0].files if f.kinds}
        named = {file.whole_path for file, _ in pack.origins} | {x.path for x in pack.left_out}
        assert usable <= named, "every file with content is in the pack or left out with a reason"
    assert min(rules, boards) >= 3
    assert monitors >= 3 or folder == "real", "the real charts' labels are not known"


@pytest.mark.django_db
@pytest.mark.parametrize("folder", ["sample", "real"])
def test_dashboards_stay_what_they_were(folder: str, real_contents: Path) -> None:
    root = _SAMPLE if folder == "sample" else real_contents / "contents"
    compared = 0
    for directory in sorted(path for path in root.iterdir() if path.is_dir()):
        slug = directory.name.replace(" ", "-")
        packs.publish_folder(slug, directory)
        for file in packs.pack_of(slug).files:
            original = (directory / file.origin.path).read_bytes()
            if file.path.startswith("dashboards/") and file.origin.name.endswith(".json"):
                compared += 1
                before, after = json.loads(original), json.loads(bytes(file.data))  # type: ignore[arg-type]
                before = before.get("dashboard", before)
                inputs = {item["name"] for item in before.pop("__inputs", [])}
                if inputs:
                    variables, listed = before["templating"]["list"], after["templating"]["list"]
                    assert inputs <= {item["name"] for item in listed}
                    after["templating"]["list"] = listed[len(listed) - len(variables) :]
                assert after == before
    assert compared >= 8


# --- what goes in ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_pack_has_rules_dashboard_monitor_and_values() -> None:
    board = json.loads(contents.dashboard()) | {
        "__inputs": [
            {"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus"},
            {"name": "VAR_JOB", "type": "constant", "value": "redis"},
        ],
        "panels": [
            {
                "type": "timeseries",
                "title": "Up",
                "datasource": {"type": "prometheus", "uid": "${DS_PROMETHEUS}"},
                "targets": [{"expr": 'up{job="${VAR_JOB}"}'}],
            }
        ],
    }
    files = {
        "Redis_alert.yaml": _RULES,
        "Redis_dashboard.json": json.dumps(board).encode(),
        "helm/Chart.yaml": contents.CHART,
        "helm/values.yaml": _VALUES,
        "helm/templates/picture.png": b"a file that the hub does not store",
    }
    packs.publish("redis", files, "Redis")
    pack = packs.pack_of("redis", datasource="P1")
    rule, configmap, monitor = manifest(pack)
    assert rule["metadata"] == {"name": "redis-alert"}
    assert rule["spec"]["groups"][0]["rules"][0]["alert"] == "RedisDown"
    assert configmap["metadata"]["labels"] == {"grafana_dashboard": "1"}
    model = json.loads(configmap["data"]["redis-dashboard.json"])
    assert model["panels"][0]["datasource"]["uid"] == "${DS_PROMETHEUS}"
    assert model["panels"][0]["targets"][0]["expr"] == 'up{job="redis"}'
    variable = model["templating"]["list"][0]
    assert (variable["name"], variable["type"]) == ("DS_PROMETHEUS", "datasource")
    assert variable["current"]["value"] == "P1"
    assert monitor["spec"] == {
        "endpoints": [{"targetPort": 9121}],
        "selector": {"matchLabels": {"app.kubernetes.io/name": "tests"}},
    }
    zipped = archive(pack)
    assert sorted(zipped) == [
        "redis/README.md",
        "redis/dashboards/redis-dashboard.json",
        "redis/files/Redis/helm/values.yaml",
        "redis/kubernetes/redis-alert.yaml",
        "redis/kubernetes/redis-dashboard.yaml",
        "redis/kubernetes/redis-metrics.yaml",
        "redis/kustomization.yaml",
        "redis/rules/redis-alert.yaml",
    ]
    assert zipped["redis/files/Redis/helm/values.yaml"] == _VALUES
    resources = [yaml.safe_load(zipped[f"redis/{path}"]) for path in _resources_of(zipped)]
    assert resources == [rule, configmap, monitor], "kustomize applies what pack.yaml has"
    readme = zipped["redis/README.md"].decode()
    for file in pack.exporters[0].files:
        if file.name != "picture.png":
            assert file.sha in readme
    assert pack.exporters[0].directories[0].tree_sha in readme
    assert "Left out" in readme
    assert "of which the hub does not store all files" in readme


def _resources_of(zipped: dict[str, bytes]) -> list[str]:
    resources: list[str] = yaml.safe_load(zipped["redis/kustomization.yaml"])["resources"]
    return resources


@pytest.mark.django_db
def test_a_chart_of_which_every_file_is_stored_is_complete() -> None:
    chart = contents.CHART + b"dependencies:\n- name: a\n  version: 1.0.0\n  repository: x\n"
    files = {"umbrella/Chart.yaml": chart, "umbrella/values.yaml": _VALUES}
    packs.publish("redis", files, "Redis")
    zipped = archive(packs.pack_of("redis"))
    assert zipped["redis/files/Redis/umbrella/Chart.yaml"] == chart
    assert zipped["redis/files/Redis/umbrella/values.yaml"] == _VALUES
    packs.publish("redis", files | {"umbrella/VALUES.yaml": _VALUES}, "Redis")
    pack = packs.pack_of("redis")
    assert not pack.files, "never a part of a chart"
    assert "not every system can store" in pack.left_out[0].reason


@pytest.mark.django_db
def test_what_is_not_usable_is_left_out_with_its_reason() -> None:
    files = {
        "good_alert.yaml": _RULES,
        "bad_alert.yaml": contents.alert(expr="sum("),
        "empty_dashboard.json": b'{"title": "x", "schemaVersion": 1, "panels": []}',
        "template_alert.yaml": _RULES.replace(b"warning", b"'{{ .Values.severity }}'"),
        "huge_alert.yaml": b"#" * (MAX_FILE_SIZE + 1),
    }
    packs.publish("redis", files)
    pack = packs.pack_of("redis")
    reasons = {left_out.path: left_out.reason for left_out in pack.left_out}
    assert "not valid PromQL" in reasons["redis/bad_alert.yaml"]
    assert "has no panels" in reasons["redis/empty_dashboard.json"]
    assert "Helm" in reasons["redis/template_alert.yaml"]
    assert "not read: too large" in reasons["redis/huge_alert.yaml"]
    assert [rule.origin.path for rule in pack.rules] == ["good_alert.yaml"]
    text = render.manifest(pack, configured_source()).decode()
    for path in reasons:
        assert f"# Left out: {path}: " in text


@pytest.mark.django_db
def test_a_version_has_its_own_pack() -> None:
    files = {
        "v1.0.0/alert.yaml": contents.alert("Old"),
        "v1.10.0/alert.yaml": contents.alert("New"),
        "common_alert.yaml": contents.alert("Common"),
    }
    packs.publish("redis", files)

    def alerts(**options: str) -> set[str]:
        resources = manifest(packs.pack_of("redis", **options))
        return {r["spec"]["groups"][0]["rules"][0]["alert"] for r in resources}

    assert alerts() == {"New", "Common"}
    assert alerts(version="v1.0.0") == {"Old", "Common"}


# --- hostile content ------------------------------------------------------------------------------

_HOSTILE_NAMES = [
    "../../etc/alert.yaml",
    "/etc/alert.yaml",
    "a/../../alert.yaml",
    "C:\\alert.yaml",
    "alert\n---\nkind: Secret\n.yaml",
    "alert\r\nkind: Secret.yaml",
    "\N{RIGHT-TO-LEFT OVERRIDE}lmay.alert.yaml",
    "alert\N{LINE SEPARATOR}x.yaml",
    "ALERT.yaml",
    "alert.yaml",
    "al*ert?.yaml",
    "&alert *x !!python.yaml",
    "{{ alert }}.yaml",
    "`$(alert)`.yaml",
    f"{'a' * 300}_alert.yaml",
]


@pytest.mark.django_db
@pytest.mark.parametrize("content", ["alerts", "values", "dashboards"])
def test_hostile_names_break_neither_yaml_nor_zip(content: str) -> None:
    made = {
        "alerts": lambda name: _RULES + f"# {len(name)} {name!r}\n".encode(),
        "values": lambda name: contents.VALUES + f"# {len(name)} {name!r}\n".encode(),
        "dashboards": lambda name: contents.dashboard(f"of {name}"),
    }[content]
    names = _HOSTILE_NAMES
    if content == "dashboards":
        names = [name.replace(".yaml", ".json") for name in names]
    files = {name: made(name) for name in names}
    packs.publish("redis", files, directory="Redis\n---\nkind: Secret")
    pack = packs.pack_of("redis")
    resources = manifest(pack)
    assert {r["kind"] for r in resources} <= {"PrometheusRule", "ConfigMap"}
    assert len({r["metadata"]["name"] for r in resources}) == len(resources)
    if content != "values":
        assert len(resources) == len(files)
    for path in archive(pack):
        assert path.startswith("redis/")
        assert ".." not in path.split("/")
        assert path.isprintable()
        assert "\\" not in path
        assert ":" not in path
    readme = archive(pack)["redis/README.md"].decode()
    assert not [line for line in readme.splitlines() if line.startswith("kind:")]
    named = {file.whole_path for file, _ in pack.origins} | {x.path for x in pack.left_out}
    assert len(named) == len(files)


_HOSTILE_RULES = {
    "anchors": b"groups:\n- name: g\n  rules:\n  - &r\n    alert: &n A\n    expr: up\n"
    b"    labels: &a\n      severity: page\n  - *r\n  - alert: B\n    expr: up\n    labels: *a\n",
    "a tag": b"groups:\n- name: !!python/object:os.system g\n  rules:\n"
    b"  - alert: !!binary QQ==\n    expr: !x up\n",
    "documents in texts": b'groups:\n- name: "g\\n---\\nkind: Secret"\n  rules:\n'
    b'  - alert: A\n    expr: up\n    annotations:\n      summary: "a\\n---\\nkind: Secret\\n"\n',
    "words that are not texts": b"groups:\n- name: y\n  rules:\n  - alert: 'no'\n    expr: 1e3\n"
    b"    labels: {severity: 1e3, n: y, t: true, o: 0o17, e: ''}\n",
    "numbers": b"groups:\n- name: 1\n  limit: 5\n  rules:\n  - alert: 2\n    expr: 3\n    for: 0\n",
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", _HOSTILE_RULES)
def test_hostile_rules_stay_what_they_were(name: str, tmp_path: Path) -> None:
    packs.publish("redis", {"redis_alert.yaml": _HOSTILE_RULES[name]})
    pack = packs.pack_of("redis")
    for resource in manifest(pack):
        assert resource["kind"] == "PrometheusRule"
        validate(resource)
    check_rules(archive(pack)["redis/rules/redis-alert.yaml"], tmp_path)


@pytest.mark.django_db
@pytest.mark.parametrize("name", payloads())
def test_hostile_payloads_break_no_pack(name: str) -> None:
    data = payloads()[name].encode(errors="surrogatepass")
    packs.publish("redis", {"a_alert.yaml": data, "b_dashboard.json": data, "values.yaml": data})
    pack = packs.pack_of("redis")
    for resource in manifest(pack):
        validate(resource)
    assert "redis/README.md" in archive(pack)


@pytest.mark.django_db
def test_aliases_that_multiply_are_left_out() -> None:
    text = b"groups:\n- name: g\n  rules:\n"
    text += b"  - {alert: A, expr: up, annotations: {a: &text '" + b"a" * 9000 + b"'}}\n"
    text += b"".join(
        b"  - {alert: A%d, expr: up, annotations: {a: *text}}\n" % number for number in range(400)
    )
    packs.publish("redis", {"redis_alert.yaml": text, "other_alert.yaml": _RULES})
    pack = packs.pack_of("redis")
    assert [rule.origin.path for rule in pack.rules] == ["other_alert.yaml"]
    assert "larger than 1 MB" in pack.left_out[0].reason


@pytest.mark.django_db
def test_a_dashboard_that_no_configmap_can_hold_is_only_in_the_zip() -> None:
    board = json.loads(contents.dashboard())
    board["description"] = "x" * (1024 * 1024 - 300)
    packs.publish("redis", {"redis_dashboard.json": json.dumps(board).encode()})
    pack = packs.pack_of("redis")
    board["description"] = "y" * 300_000
    packs.publish("kafka", {"kafka_dashboard.json": json.dumps(board, indent=1).encode()})
    assert pack.exceeds_apply
    assert packs.pack_of("kafka").exceeds_apply
    assert b"--server-side" in render.manifest(packs.pack_of("kafka"), configured_source())


@pytest.mark.django_db
def test_a_pack_has_at_most_4_mb_of_files() -> None:
    board = json.loads(contents.dashboard())
    files = {}
    for number in range(6):
        board["description"] = f"{number}" + "x" * 900_000
        files[f"{number:02}_dashboard.json"] = json.dumps(board).encode()
    packs.publish("redis", files)
    pack = packs.pack_of("redis")
    assert len(pack.files) == 4
    assert [left_out.path for left_out in pack.left_out] == [
        f"redis/{number:02}_dashboard.json" for number in (4, 5)
    ]
    assert "4 MB" in pack.left_out[0].reason


# --- addresses ------------------------------------------------------------------------------------


@pytest.fixture
def redis(hub: Hub) -> Hub:
    """Publish two exporters."""
    packs.exporter("redis")
    packs.exporter("kafka")
    hub.add_token()
    hub.write("redis/redis_alert.yaml", _RULES)
    hub.write("redis/redis_dashboard.json", contents.dashboard())
    hub.write("kafka/kafka_alert.yaml", contents.alert("KafkaDown"))
    hub.refresh()
    return hub


def test_two_downloads_are_identical(redis: Hub) -> None:
    redis.github.requests.clear()
    for path in (
        "/exporters/redis/pack.yaml",
        "/exporters/redis/pack.zip?namespace=a",
        "/exporters/redis/rules.yaml",
        "/exporters/redis/rules.yaml?form=prometheusrule",
        "/packs.yaml?exporter=redis&exporter=kafka",
        "/packs.zip?exporter=kafka&exporter=redis",
    ):
        first, second = Client().get(path), Client().get(path)
        assert first.status_code == 200, first.content
        assert first.content == second.content
        assert first["ETag"] == second["ETag"]
        again = Client().get(path, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert Client().head(path)["ETag"] == first["ETag"]
    assert redis.github.requests == [], "no reader waits for GitHub"


def test_several_exporters_make_one_pack_in_any_order(redis: Hub) -> None:
    one = Client().get("/packs.yaml?exporter=redis&exporter=kafka").content
    assert one == Client().get("/packs.yaml?exporter=kafka&exporter=redis").content
    names = [document["metadata"]["name"] for document in packs.documents(one)]
    assert names == ["kafka-alert", "redis-alert", "redis-dashboard"]
    zipped = packs.opened(Client().get("/packs.zip?exporter=redis&exporter=kafka").content)
    assert "exporters/rules/kafka-alert.yaml" in zipped


def test_invalid_requests_are_refused_with_the_reason(redis: Hub) -> None:
    many = "&".join(f"exporter=e{number}" for number in range(51))
    for path, status, reason in [
        ("/exporters/redis/pack.yaml?namespace=A_B", 400, "is not a DNS label"),
        ("/exporters/redis/pack.zip?exporter=kafka", 400, "Unknown parameter"),
        ("/exporters/redis/rules.yaml?form=x", 400, "form is prometheus or prometheusrule"),
        ("/exporters/redis/pack.yaml?version=v9", 404, "no version"),
        ("/exporters/nothing/pack.yaml", 404, "No exporter is called nothing"),
        ("/packs.yaml", 400, "Name at least one exporter"),
        (f"/packs.zip?{many}", 400, "at most 50"),
        (f"/packs?{many}", 400, "at most 50"),
        ("/packs?exporter=nothing", 404, "No exporter is called nothing"),
        (f"/exporters/redis/pack.yaml?tree={'0' * 40}", 404, "have no tree"),
    ]:
        answer = Client().get(path)
        assert answer.status_code == status, path
        assert reason in answer.content.decode().replace("&#x27;", "'")
    assert Client().post("/exporters/redis/pack.yaml").status_code == 405


def test_an_exporter_without_usable_content_has_no_pack(redis: Hub) -> None:
    redis.write("kafka/kafka_alert.yaml", contents.alert(expr="sum("))
    redis.refresh()
    for suffix in ("pack.yaml", "pack.zip", "rules.yaml"):
        answer = Client().get(f"/exporters/kafka/{suffix}")
        assert answer.status_code == 404
        assert b"kafka/kafka_alert.yaml: not usable: " in answer.content


def test_a_pinned_address_keeps_its_bytes(redis: Hub) -> None:
    tree = packs.pack_of("redis").exporters[0].directories[0].tree_sha
    pinned = f"/exporters/redis/pack.zip?tree={tree}"
    before = Client().get(pinned).content
    assert before == Client().get("/exporters/redis/pack.zip").content
    redis.write("redis/redis_alert.yaml", contents.alert("Changed"))
    redis.refresh()
    assert Client().get("/exporters/redis/pack.zip").content != before
    assert Client().get(pinned).content == before
    both = f"tree={tree}&tree={packs.pack_of('redis').exporters[0].directories[0].tree_sha}"
    answer = Client().get(f"/exporters/redis/pack.zip?{both}")
    assert answer.status_code == 400
    assert b"trees of the same directory" in answer.content
    of_another = Client().get(f"/exporters/kafka/pack.zip?tree={tree}")
    assert of_another.status_code == 404


def test_a_tree_of_a_former_source_or_without_judgement_is_not_served(
    redis: Hub, settings: Any
) -> None:
    tree = packs.pack_of("redis").exporters[0].directories[0].tree_sha
    pinned = f"/exporters/redis/pack.yaml?tree={tree}"
    settings.GITHUB_BRANCH = "other"
    other = packs.publish("redis", {"redis_alert.yaml": contents.alert("Other")})
    assert Client().get(pinned).status_code == 404
    assert Client().get(f"/exporters/redis/pack.yaml?tree={other}").status_code == 200
    settings.GITHUB_BRANCH = "main"
    assert Client().get(f"/exporters/redis/pack.yaml?tree={other}").status_code == 404
    assert Client().get(pinned).status_code == 200
    ContentTree.objects.filter(pk=tree).update(judgement=None)
    assert Client().get(pinned).status_code == 404
    answer = Client().get("/exporters/redis/pack.yaml")
    assert answer.status_code == 404
    assert b"redis: the hub has not read it" in answer.content


# --- pages ----------------------------------------------------------------------------------------


def page(path: str) -> str:
    answer = Client().get(path)
    assert answer.status_code == 200, answer.content
    text = answer.content.decode()
    html5lib.HTMLParser(strict=True).parse(text)
    return text


def test_the_install_tab_leads_to_the_downloads(redis: Hub) -> None:
    redis.write("redis/bad_alert.yaml", contents.alert(expr="sum("))
    redis.refresh()
    text = page("/exporters/redis/install?namespace=monitoring&labels=release=prometheus")
    command = "kubectl apply -f &#x27;http://testserver/exporters/redis/pack.yaml?namespace="
    assert command in text
    assert "/exporters/redis/pack.zip?namespace=monitoring&amp;labels=release%3Dprometheus" in text
    assert "promtool check rules" in text
    assert "bad_alert.yaml" in text
    assert "not valid PromQL" in text
    assert "&amp;tree=" in text
    assert "is not a DNS label" in page("/exporters/redis/install?namespace=A_B")


def test_the_install_tab_without_contents(redis: Hub) -> None:
    packs.exporter("empty")
    assert "Nothing to install" in page("/exporters/empty/install")


def test_the_page_of_several_exporters(redis: Hub) -> None:
    text = page("/packs")
    assert 'value="kafka"' in text
    text = page("/packs?exporter=redis&exporter=kafka&namespace=a")
    assert "/packs.yaml?exporter=kafka&amp;exporter=redis&amp;namespace=a" in text
    assert 'value="kafka" checked' in text


def test_the_real_contents_in_a_hub(hub: Hub, real_contents: Path) -> None:
    hub.github.repository = Repository.of_folder(real_contents)
    slugs = ("redis", "mysql", "kafka")
    for slug in slugs:
        packs.exporter(slug)
    hub.add_token()
    hub.refresh()
    assert "Helm renders only a folder named `templates`" in page("/exporters/redis/install")
    for slug in slugs[1:]:
        page(f"/exporters/{slug}/install")
        answer = Client().get(f"/exporters/{slug}/pack.zip")
        assert answer["Content-Type"] == "application/zip"
        packs.opened(answer.content)
