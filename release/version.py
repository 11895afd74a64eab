"""`python -m release.version`: write the version into all files that repeat it.

Its one source is `hub/__init__.py`. Compose, the Dockerfile, the chart and the documents cannot
read it from there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hub import VERSION

ROOT = Path(__file__).resolve().parents[1]

# What stands before the version, as a regular expression.
_REPEATED = {
    "docker-compose.yml": r"image: exporter-hub:",
    "docker/Dockerfile": r'image\.version="',
    "chart/Chart.yaml": r"^(?:appV|v)ersion: ",
    "docs/operations.md": r"REGISTRY/exporter-hub:",
}


def outdated(version: str = VERSION) -> Iterator[tuple[Path, str]]:
    """Yield each file that states another version, with the text that it should have."""
    for name, before in _REPEATED.items():
        file = ROOT / name
        text = file.read_text()
        changed, number = re.subn(rf"({before})\d[\w.+-]*", rf"\g<1>{version}", text, flags=re.M)
        if not number:
            raise ValueError(f"{name} states no version after {before!r}.")
        if changed != text:
            yield file, changed


if __name__ == "__main__":
    for path, new in outdated():
        path.write_text(new)
