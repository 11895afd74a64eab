"""The chart's values follow their schema, and name settings that exist. `make chart` renders it."""

import json
import re

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft7Validator

from tests.common.processes import ROOT
from tests.unit.test_settings import documented_settings

CHART = ROOT / "chart"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


@pytest.mark.parametrize("name", ["values.yaml", "ci/full-values.yaml"])
def test_the_values_follow_the_schema(name: str) -> None:
    Draft7Validator.check_schema(SCHEMA)
    values = yaml.safe_load((CHART / name).read_text())
    assert list(Draft7Validator(SCHEMA).iter_errors(values)) == []


def test_every_value_has_a_default() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values.keys() == SCHEMA["properties"].keys() - {"global"}


def test_the_chart_contains_the_rules_and_the_dashboard_of_the_project() -> None:
    content = ROOT / "monitoring" / "exporter-hub"
    links = {path.name: path.resolve() for path in (CHART / "files").iterdir()}
    names = ("exporter-hub_alerts.yaml", "exporter-hub_dashboard.json")
    assert links == {name: content / name for name in names}


def test_the_servers_for_a_try_are_valid_and_those_that_the_document_names() -> None:
    text = (CHART / "try" / "servers.yaml").read_text()
    resources = list(yaml.safe_load_all(text))
    for resource in resources:
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
    document = (ROOT / "docs" / "operations.md").read_text()
    for resource in resources:
        if resource["kind"] == "Service":
            assert f"@{resource['metadata']['name']}/" in document
    for key in re.findall(r"name: hub, key: (\w+)", text):
        assert f"--from-literal={key}=" in document
    compose = (ROOT / "docker-compose.yml").read_text()
    assert all(f"image: {image}\n" in compose for image in re.findall(r"image: (\S+)", text))


def test_the_chart_names_only_settings_that_exist() -> None:
    files = [path for path in CHART.rglob("*") if path.is_file() and path.parent.name != "try"]
    texts = [path.read_text() for path in files]
    names = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", "".join(texts)))
    assert names
    assert names <= documented_settings()
