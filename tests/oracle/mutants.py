"""Damaged copies of the project's own data, to compare the rules with promtool and Helm.

The same version of the data and of this module gives the same inputs on every machine. A change of
one file changes only the inputs made from it.
"""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
CONTENTS = [DATA / "real-contents" / "contents", ROOT / "hub" / "demo" / "sample" / "contents"]
RECORDED = DATA / "oracle" / "mutants.json"
COUNTS = {"rule_files": 400, "expressions": 150, "charts": 80, "chart_templates": 120}

_MAX_SIZE = 4_000  # characters of a file to damage
_VALUES = [
    *("''", "5", "1.5", "true", "[]", "{}", "[a]", "{a:b}", "~", '"5"', "0", "5m", "yes", "|"),
    *("*x", "0x1F", "1e3", ".inf", "2020-01-01", '"{{"', '"{{$x}}"'),
]
_CHARACTERS = [*":-{}[]\"'#|>&*!%@,\t ()=~$.`5a", "{{", "}}", "{{ end }}", " and ", "[5m]"]


def mutants(kind: str) -> list[str]:
    """Return the damaged inputs of a kind, without duplicates."""
    bases = _BASES[kind]()
    changes = [_character, _template] if kind == "expressions" else _CHANGES
    found = dict[str, None]()
    for number in range(COUNTS[kind]):
        random = Random(f"{kind} {number}")
        text = bases[number % len(bases)]
        found[random.choice(changes)(text, random)] = None
    return [text for text in found if text not in bases]


def digest(text: str) -> str:
    """Return a short name of an input for the recorded verdicts."""
    return sha256(text.encode()).hexdigest()[:12]


def _remove_line(text: str, random: Random) -> str:
    lines = text.splitlines(keepends=True)
    del lines[random.randrange(len(lines))]
    return "".join(lines)


def _repeat_line(text: str, random: Random) -> str:
    lines = text.splitlines(keepends=True)
    line = random.randrange(len(lines))
    return "".join([*lines[:line], lines[line], *lines[line:]])


def _indent(text: str, random: Random) -> str:
    lines = text.splitlines(keepends=True)
    line, by = random.randrange(len(lines)), random.choice([-2, -1, 1, 2, 4])
    shorter = lines[line][-by:] if by < 0 and lines[line].startswith("  ") else ""
    lines[line] = shorter or " " * by + lines[line]
    return "".join(lines)


def _value(text: str, random: Random) -> str:
    """Replace the value of a key, so that it may have another type."""
    found = list(re.finditer(r"^(\s*(?:- )?\w+:) .*$", text, re.MULTILINE))
    if not found:
        return text
    match = random.choice(found)
    return f"{text[: match.start()]}{match[1]} {random.choice(_VALUES)}{text[match.end() :]}"


def _key(text: str, random: Random) -> str:
    found = list(re.finditer(r"(\w+)(?=:(?:\s|$))", text))
    if not found:
        return text
    match = random.choice(found)
    other = random.choice([match[1] + "s", match[1].title(), match[1][:-1], f'"{match[1]}"'])
    return text[: match.start()] + other + text[match.end() :]


def _template(text: str, random: Random) -> str:
    """Damage a template action, or anything if there is none."""
    found = list(re.finditer(r"\{\{.*?\}\}", text))
    if not found:
        return _character(text, random)
    match = random.choice(found)
    return text[: match.start()] + _character(match[0], random) + text[match.end() :]


def _character(text: str, random: Random) -> str:
    """Insert or replace a character."""
    position = random.randrange(len(text))
    rest = text[position + random.choice([0, 1, 2]) :]
    return text[:position] + random.choice([*_CHARACTERS, ""]) + rest


_CHANGES: list[Callable[[str, Random], str]] = [
    *(_remove_line, _indent, _value, _key, _template, _repeat_line, _character),
]


def _files(pattern: str) -> list[str]:
    """Return the texts of files, except empty and long ones."""
    paths = sorted(path for root in CONTENTS for path in root.rglob(pattern))
    texts = dict.fromkeys(path.read_text() for path in paths)
    return [text for text in texts if text.strip() and len(text) < _MAX_SIZE]


def _rule_files() -> list[str]:
    """Return rule files; lists of rules become one."""
    head = "groups:\n- name: a\n  rules:\n"
    return [
        text if text.startswith("groups:") else head + re.sub("^", "  ", text, flags=re.MULTILINE)
        for text in _files("*alert*.y*ml")
        if re.match(r"(?:#.*\s+|\s+)*(?:groups|- alert):", text)
    ]


def _expressions() -> list[str]:
    recorded: dict[str, bool] = json.loads((DATA / "oracle" / "expressions.json").read_text())
    return [expr for expr, accepted in recorded.items() if accepted and len(expr) > 5]


def _charts() -> list[str]:
    """Return the metadata of charts without dependencies: Helm needs these on disk."""
    return [text for text in _files("Chart.yaml") if "dependencies" not in text]


def _chart_templates() -> list[str]:
    return [text for text in _files("templates/*.yaml") if "{{" in text]


_BASES = {
    "rule_files": _rule_files,
    "expressions": _expressions,
    "charts": _charts,
    "chart_templates": _chart_templates,
}
