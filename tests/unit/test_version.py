"""Every place that states the project's version states that of `hub/__init__.py`."""

import re
import tomllib

import yaml

from hub import VERSION
from hub.web.api import api
from release.version import outdated
from tests.common.processes import ROOT


def test_the_version_is_the_same_everywhere() -> None:
    assert list(outdated()) == []
    assert api.version == VERSION
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert (
        re.findall(r"^## \[(\d\S*)\] - \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)[0] == VERSION
    )


def test_a_new_version_is_written_wherever_it_is_repeated() -> None:
    written = {path.relative_to(ROOT).as_posix(): text for path, text in outdated("9.8.7")}
    chart = yaml.safe_load(written["chart/Chart.yaml"])
    assert chart["version"] == chart["appVersion"] == "9.8.7"
    assert 'image.version="9.8.7"' in written["docker/Dockerfile"]
    assert "image: exporter-hub:9.8.7" in written["docker-compose.yml"]
    assert "exporter-hub:9.8.7 ." in written["docs/operations.md"]
