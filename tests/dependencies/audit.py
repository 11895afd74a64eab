"""`make audit`: check the packages in requirements*.txt for known vulnerabilities with pip-audit.

pip-audit reports success if the database knows no package, as with a mirror of PyPI, and prints a
traceback if it cannot connect. This module reports packages that were not checked.
"""

import json
import subprocess
import sys

from tests.dependencies.pinned import DEV

_NOTHING_CHECKED = (
    "Nothing was checked: the vulnerability database at pypi.org is not available here{why}. "
    "Run `make audit` with direct access to pypi.org, without a mirror.\n"
)


def verdict(output: str, errors: str) -> tuple[int, str]:
    """Return the exit code and the message for pip-audit's JSON and stderr.

    Exit code 0: no vulnerabilities; 1: vulnerabilities; 2: some packages could not be checked.
    """
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        last = errors.strip().rpartition("\n")[2]
        return 2, _NOTHING_CHECKED.format(why=f" ({last[:300]})" if last else "")
    checked = [package for package in packages if "skip_reason" not in package]
    if not checked:
        return 2, _NOTHING_CHECKED.format(why="")
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, fixed in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}\n"
        for package in checked
        for found in package["vulns"]
    ]
    skipped = [package["skip_reason"] + "\n" for package in packages if "skip_reason" in package]
    if lines:
        return 1, "".join(lines + skipped)
    if skipped:
        return 2, "".join(skipped)
    return 0, f"{len(checked)} packages, no known vulnerability\n"


def main() -> int:
    """Run pip-audit, print the message and return the exit code."""
    audit = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off"),
            *("--no-deps", "--disable-pip"),  # everything is pinned, so nothing must be resolved
            f"--requirement={DEV}",  # includes the packages of requirements.txt
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    code, text = verdict(audit.stdout, audit.stderr)
    (sys.stderr if code else sys.stdout).write(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
