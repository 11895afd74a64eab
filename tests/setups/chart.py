"""The Helm chart, rendered by Helm and validated with Kubernetes' schemas (`make chart`)."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from hub.monitoring.server import PORT_OFFSETS
from release.__main__ import pack_chart
from tests.common.processes import ROOT
from tests.setups.helm import PROGRAM

CHART = ROOT / "chart"
CONTENT = ROOT / "monitoring" / "exporter-hub"
CRDS = ROOT / "tests" / "data" / "crd"
FULL = f"--values={CHART / 'ci' / 'full-values.yaml'}"
SECRET = "--set=existingSecret=hub"
SERVICE_MONITOR = "--set=podMonitor.enabled=false,serviceMonitor.enabled=true"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("helm") or PROGRAM
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    except OSError as error:  # the package has no program for this machine
        pytest.exit(f"Install Helm: https://helm.sh/docs/intro/install/ ({error})", returncode=1)


def render(*options: str) -> list[dict[str, Any]]:
    done = helm("template", "hub", str(CHART), *options)
    assert done.returncode == 0, done.stderr
    return [resource for resource in yaml.load_all(done.stdout, yaml.CSafeLoader) if resource]


@pytest.mark.parametrize("options", [(SECRET,), (FULL,), (FULL, SERVICE_MONITOR)])
def test_the_rendered_resources_are_valid(options: tuple[str, ...]) -> None:
    assert helm("lint", "--strict", str(CHART), *options).returncode == 0
    resources = render(*options)
    assert len(resources) > 5
    for resource in resources:
        crd = CRDS / f"{resource['kind'].lower()}.json"
        if crd.exists():
            # Go allows flags anywhere in a regular expression.
            schema = json.loads(crd.read_text().replace("^(?i)", "(?i)^"))
            jsonschema.validate(resource, schema["openAPIV3Schema"])
        else:
            version = kubernetes_validate.latest_version()
            kubernetes_validate.validate(resource, version, strict=True)


def test_each_switch_adds_its_resources() -> None:
    def found(*options: str) -> set[str]:
        return {f"{each['kind']} {each['metadata']['name']}" for each in render(SECRET, *options)}

    default = found()
    for switch, added in {
        "worker.autoscaling.enabled": {"HorizontalPodAutoscaler hub-exporter-hub-worker"},
        "flower.enabled": {f"{kind} hub-exporter-hub-flower" for kind in ("Deployment", "Service")},
        "podMonitor.enabled": {"PodMonitor hub-exporter-hub-all"},
        "serviceMonitor.enabled": {
            f"{kind} hub-exporter-hub-metrics" for kind in ("Service", "ServiceMonitor")
        },
        "prometheusRule.enabled": {"PrometheusRule hub-exporter-hub-all"},
        "dashboard.enabled": {"ConfigMap hub-exporter-hub-dashboard"},
        "admin.create": {"Job hub-exporter-hub-ensureadmin"},
        "networkPolicy.enabled": {
            f"NetworkPolicy hub-exporter-hub-{pod}" for pod in ("all", "web")
        },
    }.items():
        assert found(f"--set={switch}=true") - default == added
    assert default - found("--set=podDisruptionBudget.enabled=false") == {
        "PodDisruptionBudget hub-exporter-hub-web"
    }


def test_the_rules_and_the_dashboard_are_those_of_the_project() -> None:
    resources = {resource["kind"]: resource for resource in render(FULL)}
    rules = (CONTENT / "exporter-hub_alerts.yaml").read_text()
    url = "https://git.example.org/platform/exporter-hub"
    assert resources["PrometheusRule"]["spec"] == yaml.safe_load(
        rules.replace("https://github.com/OWNER/exporter-hub", url)
    )
    assert "OWNER" not in str(resources["PrometheusRule"])
    assert resources["PrometheusRule"]["metadata"]["labels"]["release"] == "prometheus"
    dashboard = (CONTENT / "exporter-hub_dashboard.json").read_text()
    assert resources["ConfigMap"]["data"] == {"exporter-hub.json": dashboard}
    assert resources["ConfigMap"]["metadata"]["labels"]["grafana_dashboard"] == "hub"


def test_the_archive_of_a_release_renders_the_same(tmp_path: Path) -> None:
    archive = tmp_path / "chart.tgz"
    pack_chart(CHART, archive, 1_800_000_000)
    rendered = {helm("template", "hub", str(chart), FULL).stdout for chart in (CHART, archive)}
    assert len(rendered) == 1
    assert rendered != {""}


def test_the_service_monitor_selects_the_port_of_each_process() -> None:
    resources = render(SECRET, SERVICE_MONITOR, "--set=networkPolicy.enabled=true")
    named = {(each["kind"], each["metadata"]["name"]): each for each in resources}
    service = named["Service", "hub-exporter-hub-metrics"]
    monitor = named["ServiceMonitor", "hub-exporter-hub-metrics"]
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    (port,) = service["spec"]["ports"]
    assert monitor["spec"]["endpoints"] == [{"port": port["name"]}]
    ports = {
        component: named_port["containerPort"]
        for component in PORT_OFFSETS
        for pod in [named["Deployment", f"hub-exporter-hub-{component}"]["spec"]["template"]]
        if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        for named_port in pod["spec"]["containers"][0]["ports"]
        if named_port["name"] == port["targetPort"]
    }
    assert ports == {component: 8005 + offset for component, offset in PORT_OFFSETS.items()}
    assert ("NetworkPolicy", "hub-exporter-hub-metrics") in named


def test_every_pod_is_restricted_and_gets_the_secret_only_by_reference() -> None:
    for resource in render(FULL):
        pod = resource.get("spec", {}).get("template")
        if pod:
            assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
            assert pod["spec"]["terminationGracePeriodSeconds"] == 15
            assert pod["spec"]["automountServiceAccountToken"] is False
            (container,) = pod["spec"]["containers"]
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["envFrom"] == [{"secretRef": {"name": "hub"}}]
            env = {each["name"]: each["value"] for each in container["env"]}
            assert env["HUB_ALLOWED_HOSTS"] == "hub.example.org"
            assert env["HUB_REFRESH_MINUTES"] == "30"
            named = {each["name"]: each["containerPort"] for each in container.get("ports", [])}
            offset = PORT_OFFSETS.get(container["name"])
            host, _, first = env["HUB_METRICS_ADDR"].rpartition(":")
            assert host == "0.0.0.0"  # noqa: S104 — of the pod
            assert named.get("metrics") == (None if offset is None else int(first) + offset)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "Set existingSecret to the name of a Secret"),
        ((SECRET, "--set=settings.SECRET_KEY=a"), "SECRET_KEY is a secret: put it into the Secret"),
        ((SECRET, "--set=ingress.enabled=true"), "Set ingress.host"),
        (
            (SECRET, "--set=ingress.enabled=true,ingress.host=a"),
            "Set settings.HUB_TRUSTED_PROXIES to the network",
        ),
        ((SECRET, "--set=web.replica=2"), "replica"),
        ((FULL, "--set=serviceMonitor.enabled=true"), "Prometheus scrapes each pod twice"),
    ],
)
def test_wrong_values_are_refused_with_what_to_do(options: tuple[str, ...], reason: str) -> None:
    done = helm("template", "hub", str(CHART), *options)
    assert done.returncode != 0
    assert reason in done.stderr
