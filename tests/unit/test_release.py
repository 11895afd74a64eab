"""The parts of a release that the project builds itself. Other tools build the packages."""

import os
import re
import shutil
import tarfile
from pathlib import Path

from release.__main__ import image_context, pack_chart
from tests.common.processes import ROOT

TIME = 1_800_000_000


def test_an_archive_of_the_chart_depends_only_on_its_files(tmp_path: Path) -> None:
    archives = []
    for number, folder in enumerate(("one", "two")):
        chart = tmp_path / folder / "chart"
        shutil.copytree(ROOT / "chart", chart)  # with the files that the links lead to
        for file in sorted(chart.rglob("*"), reverse=bool(number)):
            os.utime(file, (number, number))
        (chart / "values.yaml").chmod(0o600 if number else 0o664)
        archives.append(tmp_path / f"{folder}.tgz")
        pack_chart(chart, archives[-1], TIME)
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_an_archive_of_the_chart_contains_files_in_place_of_links(tmp_path: Path) -> None:
    archive = tmp_path / "chart.tgz"
    pack_chart(ROOT / "chart", archive, TIME)
    with tarfile.open(archive) as tar:
        members = {member.name: member for member in tar}
        rules = tar.extractfile("exporter-hub/files/exporter-hub_alerts.yaml")
        assert rules
        content = ROOT / "monitoring" / "exporter-hub" / "exporter-hub_alerts.yaml"
        assert rules.read() == content.read_bytes()
    assert all(member.isfile() or member.isdir() for member in members.values())
    assert {"exporter-hub/Chart.yaml", "exporter-hub/values.schema.json"} <= members.keys()
    assert not any(name.startswith("exporter-hub/ci") for name in members)


def test_the_context_of_the_image_is_what_the_dockerfile_copies() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    context = image_context(ROOT)
    included = [path for path in context if not path.startswith(":")]
    assert sorted(included) == sorted(
        re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE)
    )
    assert ":(exclude,glob)hub/demo" in context
