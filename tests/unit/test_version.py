"""Every place that states the project's version states the same one."""

import re
import tomllib

import yaml

from hub.web.api import api
from tests.common.processes import ROOT


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    compose = (ROOT / "docker-compose.yml").read_text()
    chart = yaml.safe_load((ROOT / "chart" / "Chart.yaml").read_text())
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert api.version == chart["version"] == chart["appVersion"] == version
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    assert re.findall(r'image\.version="(\S+)"', dockerfile) == [version]
    assert re.findall(r"image: exporter-hub:(\S+)", compose) == [version]
    assert (
        re.findall(r"^## \[(\d\S*)\] - \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)[0] == version
    )
