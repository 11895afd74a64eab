"""Make wheels of the installed packages, so that tests install packages without a network."""

import re
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

_NOT_IN_WHEELS = {"INSTALLER", "REQUESTED", "direct_url.json"}


def write_wheels(folder: Path, requirements: Iterable[str]) -> None:
    """Write wheels of the required packages, and of all that they require."""
    waiting, written = list(requirements), set[str]()
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        package = distribution(requirement.name)
        if package.name not in written:
            written.add(package.name)
            _write_wheel(folder, package)
            waiting += package.requires or []


def _write_wheel(folder: Path, package: Distribution) -> None:
    tag = re.search(r"^Tag: (\S+)", package.read_text("WHEEL") or "", re.MULTILINE)
    assert tag, package.name
    name = re.sub(r"[-_.]+", "_", package.name)
    with zipfile.ZipFile(folder / f"{name}-{package.version}-{tag[1]}.whl", "w") as wheel:
        for file in package.files or []:
            # Scripts are outside of the folder of packages; pip writes them again.
            if ".." not in file.parts and file.suffix != ".pyc" and file.name not in _NOT_IN_WHEELS:
                wheel.write(file.locate(), file.as_posix())
