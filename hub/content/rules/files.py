"""A file of a directory as the judges see it: its path taken apart, and what was found in it.

Contents decide; names speak only for files that could not be read, and tell what a broken file was
meant as. They were never consistent: `_dashboard`, `_dasboard`, `-Dashboard`, `_grafana`, `_alert`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import PurePosixPath

from hub.content.rules.report import About, FileReport

YAML = {".yaml", ".yml"}
PROSE = {".md", ".markdown", ".rst", ".csv"}  # kept for reading, never judged
_STRUCTURED = {*YAML, ".json", ".rules", ".rule", ".txt", ""}
_LOOSE = {".txt", ""}  # may as well be prose
_PROSE_WORDS = {"readme", "md", "markdown", "changelog", "notes"}
DASHBOARD_WORDS = ("dashboard", "dashboards", "grafana")
ALERT_WORDS = ("alert", "alerts", "alerting", "rule", "rules", "prometheusrule")
# What a misspelt word exceeds: "dasboard" to "dashboard" is 0.94, "vaules" to "values" 0.83, but
# "roles" to "rules" 0.8.
_ALIKE = 0.8
_SHORTEST_MISSPELT = 5  # letters; shorter words are alike by chance


@dataclass(frozen=True)
class DirectoryFile:
    """A file, its path taken apart once; `report` is None while it was not read."""

    path: str
    folders: tuple[str, ...]
    name: str  # casefolded, as `suffix` and `words`
    suffix: str
    words: frozenset[str]
    report: FileReport | None

    @classmethod
    def at(cls, path: str, report: FileReport | None = None) -> "DirectoryFile":
        """The file at `path`, relative to the directory."""
        lower = PurePosixPath(path.casefold())
        words = frozenset(re.findall(r"[^\W_]+", lower.stem))
        folders = PurePosixPath(path).parts[:-1]
        return cls(path, folders, lower.name, _suffix(lower.suffix), words, report)

    def blank(self) -> "DirectoryFile":
        """The file as if nothing was in it, by its name either."""
        return replace(self, name="", suffix="", words=frozenset(), report=None)

    @property
    def parsed(self) -> bool:
        """Whether it was read and could be taken apart."""
        return self.report is not None and not (
            self.report.has_errors(About.FILE) or self.report.format in ("template", "empty")
        )

    @property
    def structured(self) -> bool:
        """Whether its form can hold rules, dashboards or manifests."""
        return self.suffix in _STRUCTURED

    @property
    def in_templates(self) -> bool:
        """Below a chart's templates: what it holds depends on values that nobody has given."""
        return any(map(is_templates, self.folders))

    def named(self, wanted: Iterable[str]) -> bool:
        """Whether a word of its name is one of `wanted`, or a misspelling of one."""
        return any(_alike(word, target) for word in self.words for target in wanted)

    def seems(self, about: About, words: Iterable[str]) -> bool:
        """Whether it cannot be taken apart and was meant as this; prose only quotes it."""
        if self.report is None or self.parsed or about not in self.report.looks_like:
            return False
        quotes = self.suffix in _LOOSE or not self.words.isdisjoint(_PROSE_WORDS)
        return not quotes or self.named(words)


def is_templates(folder: str) -> bool:
    """A chart's own folder of templates; `template` is a misspelling that is out there."""
    return _alike(folder.casefold(), "templates")


def _suffix(suffix: str) -> str:
    """The suffix, or the one that it misspells: contents do not change with it."""
    if suffix in _STRUCTURED:
        return suffix
    return next((k for k in (".yaml", ".json") if _alike(suffix[1:], k[1:], shortest=3)), suffix)


@lru_cache(maxsize=10_000)
def _alike(word: str, target: str, *, shortest: int = _SHORTEST_MISSPELT) -> bool:
    if word == target:
        return True
    if min(len(word), len(target)) < shortest or word[0] != target[0]:
        return False
    if len(word) > 2 * len(target):
        return False
    alike = SequenceMatcher(None, word, target, autojunk=False).ratio() > _ALIKE
    return alike or sorted(word) == sorted(target)
