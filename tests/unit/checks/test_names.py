"""The check of names finds what it is for."""

from tests.checks.names import shared_names


def test_public_names_that_two_modules_define() -> None:
    sources = {
        "a.py": "class Plan: ...\ndef _helper(): ...\nclass Command: ...",
        "b.py": "def Plan(): ...\ndef _helper(): ...\nclass Command: ...",
        "c.py": "class Outer:\n    def Plan(self): ...",
    }
    assert shared_names(sources) == {"Plan": ["a.py:1", "b.py:1"]}
