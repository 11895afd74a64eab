"""The packages that requirements*.txt pin."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
RUN, DEV = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"

# One environment, wherever this runs: packages for Windows or PyPy only are none of the hub's.
_REFERENCE = {
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
}


def names(file: Path) -> set[str]:
    """The names of the packages that a file pins, in their canonical form."""
    pinned = (Requirement(line) for line in file.read_text().splitlines() if line.strip())
    return {
        canonicalize_name(requirement.name)
        for requirement in pinned
        if requirement.marker is None or requirement.marker.evaluate(_REFERENCE)
    }
