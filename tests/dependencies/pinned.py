"""Read the packages that requirements*.txt pin."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
RUN, DEV = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"

# A fixed environment: packages for Windows or PyPy are not relevant.
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
    """Return the canonical names of the packages that a file pins."""
    lines = re.findall(r"^[a-z].*(?= \\$)", file.read_text(), re.MULTILINE)  # without hashes
    pinned = map(Requirement, lines)
    return {
        canonicalize_name(requirement.name)
        for requirement in pinned
        if requirement.marker is None or requirement.marker.evaluate(_REFERENCE)
    }
