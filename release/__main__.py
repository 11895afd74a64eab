"""`python -m release`: build the last commit into `dist/`.

Two builds of a commit with the same packages give the same bytes: all times are the commit's.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from hub import VERSION
from release.version import ROOT

NAME = f"exporter-hub-{VERSION}"
DIST = ROOT / "dist"


def build(dist: Path) -> None:
    """Build wheel, sdist, image context, chart and SBOM into an empty folder."""
    time = int(_git("log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory(prefix="hub-release-") as folder:
        source = Path(folder)
        subprocess.run(["tar", "-x"], cwd=source, input=_git("archive", "HEAD"), check=True)
        _build_packages(source, dist, time)
        context = _git("archive", "HEAD", "docker/Dockerfile", *image_context(source))
        (dist / f"{NAME}-image-context.tar").write_bytes(context)
        pack_chart(source / "chart", dist / f"{NAME}.tgz", time)
        _write_sbom(source, dist / f"{NAME}-image.cdx.json")
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(dist.iterdir())
    ]
    (dist / "SHA256SUMS").write_text("".join(lines))


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def _build_packages(source: Path, dist: Path, time: int) -> None:
    """Build wheel and sdist of the command `exporterhub`."""
    env = os.environ | {"SOURCE_DATE_EPOCH": str(time)}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(dist)]
    subprocess.run(command, cwd=source, env=env, check=True, stdout=subprocess.DEVNULL)


def image_context(source: Path) -> list[str]:
    """Return the paths for `git archive` that `.dockerignore` leaves in the context."""
    lines = (source / ".dockerignore").read_text().splitlines()
    rules = lines[lines.index("*") + 1 :]
    included = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    excluded = [f":(exclude,glob){rule}" for rule in rules if not rule.startswith("!")]
    return included + excluded


def pack_chart(chart: Path, archive: Path, time: int) -> None:
    """Write the chart's archive as `helm package` does, but with the same time for all files."""
    ignored = (chart / ".helmignore").read_text().splitlines()

    def prepare(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        inside = Path(member.name).relative_to("exporter-hub").as_posix()
        if f"{inside}/" in ignored:
            return None
        member.mtime, member.mode = time, 0o755 if member.isdir() else 0o644
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=time) as packed,
        # The links to the rules and the dashboard lead out of the chart.
        tarfile.open(fileobj=packed, mode="w", dereference=True) as tar,
    ):
        tar.add(chart, "exporter-hub", filter=prepare)  # in the order of the names


def _write_sbom(source: Path, file: Path) -> None:
    """Write the packages of the image in CycloneDX's format."""
    script = source / "docker" / "image-requirements"
    requirements = subprocess.run([script], cwd=source, check=True, stdout=subprocess.PIPE).stdout
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "-", "--output-reproducible"]
    command += ["--pyproject", "pyproject.toml", "--output-file", str(file)]
    subprocess.run(command, cwd=source, input=requirements, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    if DIST.exists():
        shutil.rmtree(DIST)
    DIST.mkdir()
    build(DIST)
    sys.stdout.write((DIST / "SHA256SUMS").read_text())
