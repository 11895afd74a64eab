"""A file as the judges see it: its report, and its path split into parts.

Judges use the name only to guess the purpose of broken files, because names are not consistent:
`_dashboard`, `_dasboard`, `-Dashboard`, `_grafana`, `_alert`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import PurePosixPath

from hub.content.rules.report import About, FileReport

YAML = {".yaml", ".yml"}
PROSE = {".md", ".markdown", ".rst", ".csv"}  # stored for display, never judged
_LOOSE = {".txt", ""}  # may also be prose
_STRUCTURED = {*YAML, ".json", ".rules", ".rule", ".alerts", *_LOOSE}
# Files that are no text, with the most common suffixes first.
_BINARY = re.compile(
    r"\.(?:png|jpe?g|gif|webp|ico|bmp|svg|pdf|tgz|gz|bz2|xz|zst|zip|tar|7z|jar|war|whl|exe|dll|so|a|o|"
    r"bin|class|pyc|mp[34]|mov|webm|woff2?|ttf|eot|otf|docx?|xlsx?|pptx?|db|sqlite|p12|pfx|jks|prov)"
)
_PROSE_WORDS = {"readme", "md", "markdown", "changelog", "notes"}
# Files without a suffix that contain no content in any repository.
_DOCUMENT_WORDS = {
    *_PROSE_WORDS,
    *("authors", "codeowners", "contributing", "copying", "dockerfile", "licence", "license"),
    *("maintainers", "makefile", "notice", "owners", "security"),
}
DASHBOARD_WORDS = ("dashboard", "dashboards", "grafana")
ALERT_WORDS = ("alert", "alerts", "alerting", "rule", "rules", "prometheusrule")
# The similarity above which a word is a misspelling: "dasboard" and "dashboard" have 0.94, "vaules"
# and "values" 0.83, but "roles" and "rules" only 0.8.
_SIMILARITY = 0.8
_MAX_DIFFERENCE = 2  # letters in length: "prometheus" is no misspelling of "prometheusrule"
_MIN_MISSPELLING = 5  # letters; shorter words are similar by chance
# Possessive quantifiers: a folder may have any name, and backtracking would never match more.
_VERSION_FOLDER = re.compile(
    r"(?:v\.?)?\d++(?:\.\d++)+(?:[-+.]?[0-9a-z])*|v\.?\d+", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True)
class DirectoryFile:
    """A file and the parts of its path.

    `report` is None if the file was not read. `unread`: it may contain anything, and also be a
    folder: a link that is not followed, a submodule, a file that is too large.
    """

    path: str
    folders: tuple[str, ...]
    name: str  # casefolded, like `suffix` and `words`
    suffix: str
    words: frozenset[str]
    report: FileReport | None
    unread: bool = False

    @classmethod
    def at(
        cls, path: str, report: FileReport | None = None, *, unread: bool = False
    ) -> "DirectoryFile":
        """Create the file from its path, relative to the directory."""
        lower = PurePosixPath(path.casefold())
        words = frozenset(re.findall(r"[^\W_]+", lower.stem))
        folders = PurePosixPath(path).parts[:-1]
        return cls(path, folders, lower.name, _suffix(lower.suffix), words, report, unread)

    def blank(self) -> "DirectoryFile":
        """Return the file without report and name, so that no judge recognizes it."""
        return replace(self, name="", suffix="", words=frozenset(), report=None, unread=False)

    @property
    def parsed(self) -> bool:
        """Whether the file was read and could be parsed."""
        return self.report is not None and not (
            self.report.has_errors(About.FILE) or self.report.format in ("template", "empty")
        )

    @property
    def structured(self) -> bool:
        """Whether files with this suffix usually contain rules, dashboards or manifests."""
        return self.suffix in _STRUCTURED

    @property
    def is_document(self) -> bool:
        """Whether the name says that it is documentation, such as `README.md` or `LICENSE`."""
        is_hidden = self.suffix == "" and self.name.startswith(".")
        named = self.suffix in _LOOSE and not self.words.isdisjoint(_DOCUMENT_WORDS)
        return is_hidden or named or self.suffix in PROSE

    @property
    def text(self) -> bool:
        """Whether it may be a text file."""
        return not _BINARY.fullmatch(self.suffix)

    @property
    def in_templates(self) -> bool:
        """Whether it is in a chart's templates: its contents depend on values we do not know."""
        return any(map(is_templates, self.folders))

    def named(self, targets: Iterable[str]) -> bool:
        """Whether the name contains one of the words, or a misspelling of one."""
        return any(_similar(word, target) for word in self.words for target in targets)

    def resembles(self, about: About, words: Iterable[str]) -> bool:
        """Whether it cannot be parsed but looks like this content, and is not just prose."""
        if self.report is None or self.parsed or about not in self.report.looks_like:
            return False
        if not self.structured:
            return False
        maybe_prose = self.suffix in _LOOSE or not self.words.isdisjoint(_PROSE_WORDS)
        return not maybe_prose or self.named(words)


def directory_version(path: str) -> str:
    """Return the first folder of `path` that is named like a version (`v1.2.3/…`), or ""."""
    folders = path.split("/")[:-1]
    return next((folder for folder in folders if _VERSION_FOLDER.fullmatch(folder)), "")


def is_templates(folder: str) -> bool:
    """Whether it is a chart's `templates` folder; some charts misspell it as `template`."""
    return _similar(folder.casefold(), "templates")


def _suffix(suffix: str) -> str:
    """Return the suffix, with misspellings of `.yaml` and `.json` corrected."""
    if suffix in _STRUCTURED:
        return suffix
    return next((k for k in (".yaml", ".json") if _similar(suffix[1:], k[1:], shortest=3)), suffix)


@lru_cache(maxsize=10_000)
def _similar(word: str, target: str, *, shortest: int = _MIN_MISSPELLING) -> bool:
    if word == target:
        return True
    if min(len(word), len(target)) < shortest or word[0] != target[0]:
        return False
    if abs(len(word) - len(target)) > _MAX_DIFFERENCE:
        return False
    ratio = SequenceMatcher(None, word, target, autojunk=False).ratio()
    return ratio > _SIMILARITY or sorted(word) == sorted(target)
