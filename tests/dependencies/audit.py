"""`make audit`: known vulnerabilities of what requirements*.txt pin, by pip-audit.

pip-audit calls it a success when a database does not know a single package, as a mirror of PyPI
does not, and ends in a traceback where it reaches none. Here, what was not looked up is said.
"""

import json
import subprocess
import sys

from tests.dependencies.pinned import DEV

_NOTHING_KNOWN = (
    "The database of vulnerabilities, at pypi.org, cannot be asked from this machine{why}: nothing "
    "was found out. Run `make audit` where pypi.org itself is reached, without a mirror.\n"
)


def verdict(output: str, errors: str) -> tuple[int, str]:
    """The exit code and what to say of pip-audit's JSON and its stderr. Pure.

    0: all were looked up and none is vulnerable; 1: some are; 2: not all could be looked up.
    """
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        last = errors.strip().rpartition("\n")[2]
        return 2, _NOTHING_KNOWN.format(why=f" ({last[:300]})" if last else "")
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        return 2, _NOTHING_KNOWN.format(why="")
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, fixed in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}\n"
        for package in looked_up
        for found in package["vulns"]
    ]
    skipped = [package["skip_reason"] + "\n" for package in packages if "skip_reason" in package]
    if lines:
        return 1, "".join(lines + skipped)
    if skipped:
        return 2, "".join(skipped)
    return 0, f"{len(looked_up)} packages, no known vulnerability\n"


def main() -> int:
    """Ask, and say it."""
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off"),
            *("--no-deps", "--disable-pip"),  # all is pinned; nothing has to be resolved
            f"--requirement={DEV}",  # which holds requirements.txt's too
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    code, text = verdict(asked.stdout, asked.stderr)
    (sys.stderr if code else sys.stdout).write(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
