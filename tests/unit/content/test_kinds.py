"""Tests of the registry of kinds, and that all other lists of kinds are derived from it."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import BooleanField
from django.template.loader import get_template
from django.utils.module_loading import import_string

from hub.content.kinds import KINDS, LETTERS, any_known
from hub.models import ChangeKind, ExporterContents

ROOT = Path(__file__).resolve().parents[3]
# The other registry is a runbook and then these, in reverse.
REVERSED = KINDS[::-1]
LETTERS_REVERSED = [kind.letter for kind in REVERSED]


@pytest.fixture(scope="module")
def lists() -> Any:
    """Return all lists, with a registry that has a fourth kind, another order and other labels."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.common.other_kinds"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def test_letters_fields_and_tabs_are_distinct() -> None:
    for value in ("letter", "field", "label", "tab"):
        assert len({getattr(kind, value) for kind in KINDS}) == len(KINDS)
    assert "E" not in LETTERS


def test_the_names_of_a_kind_share_a_word() -> None:
    for kind in KINDS:
        assert kind.short_label.casefold().removesuffix("s") in kind.label.casefold()
        assert kind.tab.label in (kind.label, kind.short_label)


def test_each_kind_has_its_columns_its_changes_and_its_tab() -> None:
    for kind in KINDS:
        for name in (kind.field, kind.usable_field):
            column = ExporterContents._meta.get_field(name)
            assert isinstance(column, BooleanField)
            assert column.null
        assert callable(import_string(kind.tab.context))
        get_template(f"hub/exporter/{kind.tab.name}.html")
    assert ChangeKind.values == ["directory", *LETTERS]
    assert [label.casefold() for label in ChangeKind.labels[1:]] == [
        kind.label.casefold() for kind in KINDS
    ]


def test_badges_follow_the_registry(lists: Any) -> None:
    others = [f"{kind.label}: missing" for kind in REVERSED]
    assert lists["badges"] == ["Runbook: usable", *others]


def test_facets_and_query_follow_the_registry(lists: Any) -> None:
    labels = ["Runbook", *(kind.label for kind in REVERSED)]
    assert list(lists["facets"])[: len(labels)] == labels
    assert lists["query"] == "?has=G&usable=R"


def test_grid_and_csv_follow_the_registry(lists: Any) -> None:
    assert lists["grid"][2:] == [
        ["E", "Listed", "Exporter in the catalogue"],
        ["R", "Book", "Runbook"],
        *([kind.letter, kind.short_label, kind.label] for kind in REVERSED),
        ["", "", "Metrics"],
    ]
    letters = ["E", "R", *LETTERS_REVERSED]
    assert lists["csv"][-len(letters) :] == letters


def test_the_document_of_the_api_follows_the_registry(lists: Any) -> None:
    letters = ["R", *LETTERS_REVERSED]
    assert lists["schemas"] == {
        "KindsOut": ["E", *letters],
        "UsableOut": letters,
        "DirectoryOut": ["E", *letters],
        "ExporterOut": ["E", *letters],
    }
    assert lists["described"] == ["A runbook. null: unknown.", "It can be followed."]
    assert f"**R** Runbook, **{REVERSED[0].letter}** {REVERSED[0].label}, " in lists["description"]


def test_columns_of_the_admin_follow_the_registry(lists: Any) -> None:
    assert lists["admin"] == ["Book", *(kind.short_label for kind in REVERSED)]
    assert lists["admin filters"] == ["runbook", "runbook_usable"]


def test_tabs_and_their_addresses_follow_the_registry(lists: Any) -> None:
    assert lists["tabs"] == [
        *("Hands-on", "Install", "Runbooks", *(kind.tab.label for kind in REVERSED)),
        *("Metrics", "Releases", "History"),
    ]
    assert lists["address"] == "/exporters/redis/runbooks"
    assert lists["resolved"] == "exporter_runbooks"


def test_every_kind_uses_its_judge(lists: Any) -> None:
    assert lists["evidence"] == {"R": ["runbook.yaml"], **{letter: [] for letter in LETTERS}}


def test_one_true_value_is_enough_and_an_unknown_one_makes_the_result_unknown() -> None:
    assert any_known([False, None, True], known=True) is True
    assert any_known([False, None], known=True) is None
    assert any_known([False], known=False) is False
    assert (any_known([], known=True), any_known([], known=False)) == (False, None)


# --- no other source names a kind ---

# Sources that may: the registry, the models and migrations, the judges, and what packs a kind.
# Names of directories may contain the same words.
NAMING = (
    *("hub/content/kinds.py", "hub/models/", "hub/migrations/", "hub/content/rules/"),
    *("hub/packs/build.py", "hub/names/directories.py"),
)
_FIELDS = {name for kind in KINDS for name in (kind.field, kind.usable_field)}
# Names that always refer to a kind; `alerts` and `dashboard` are also parts of reports.
_OWN_NAMES = _FIELDS - {"alerts", "dashboard"}
_IN_PROSE = re.compile(r"\bI, A(,| and| or) G\b")


def _named_in(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each letter, field or list of letters in a Python source."""
    tree = ast.parse(source)
    weights = {
        id(node.value)  # weights of Postgres' full-text search: A to D
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "weight"
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in weights else None
        if isinstance(text, str) and (text in {*LETTERS, *_FIELDS} or _IN_PROSE.search(text)):
            yield node.lineno, text
        for name in ("id", "attr", "arg", "name"):
            if getattr(node, name, None) in _OWN_NAMES:
                yield getattr(node, "lineno", 0), getattr(node, name)


def test_the_scan_finds_what_it_looks_for() -> None:
    for source in ('x = "I"', 'x = ["alerts"]', "row.iac", "f(dashboard_usable=1)", '"I, A or G"'):
        assert list(_named_in(source)), source
    assert not list(_named_in('f(report.alerts, weight="A")'))


def test_no_other_module_names_a_kind() -> None:
    found = [
        f"{path}:{line}: {name!r}"
        for folder in ("hub", "tasks", "config", "bench")
        for file in sorted((ROOT / folder).rglob("*.py"))
        if not (path := file.relative_to(ROOT).as_posix()).startswith(NAMING)
        for line, name in _named_in(file.read_text())
    ]
    assert found == []


def test_no_template_but_their_tabs_names_a_kind() -> None:
    tabs = {f"{kind.tab.name}.html" for kind in KINDS}
    letters, fields = "".join(LETTERS), "|".join(_OWN_NAMES)
    urls = "|".join(kind.tab.name for kind in KINDS)
    names = re.compile(rf"""\b({fields}|exporter_({urls}))\b|["'>][{letters}]["'<]""")
    found = [
        f"{file.name}: {match[0]}"
        for file in sorted((ROOT / "hub" / "templates").rglob("*.html"))
        if file.name not in tabs
        for match in names.finditer(file.read_text())
    ]
    assert found == []
