"""Read a chart's `.helmignore` as Helm's package `ignore` does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

# What Go's `filepath.Match` accepts: classes are closed and not empty, and no "\" is at the end.
# No possessive repetition of a group: see https://github.com/python/cpython/issues/106052 (3.11.4).
_VALID = re.compile(r"(?:[^\[\\]|\\.|\[\^?(?:[^\]\\]|\\.)+\])*")
_MAX_SIZE = 10_000  # characters
_LINE = re.compile(r"\s*+(?:#.*|[^\s\x00-\x1f]*+\s*+)")


@dataclass(frozen=True)
class IgnorePattern:
    """A pattern: `negated` by "!", only for folders, or for a whole path instead of a name."""

    parts: tuple[str, ...]
    negated: bool
    only_folders: bool
    whole_path: bool

    def matches(self, path: tuple[str, ...]) -> bool:
        """Whether the pattern, without its negation, matches the path."""
        path = path if self.whole_path else path[-1:]
        return len(path) == len(self.parts) and all(
            _regex(pattern).fullmatch(part) for pattern, part in zip(self.parts, path, strict=True)
        )


def ignore_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text that may be a `.helmignore`, with comments as empty lines."""
    lines = text.splitlines()
    if len(text) > _MAX_SIZE or not all(map(_LINE.fullmatch, lines)):
        return ()
    return tuple("" if line.lstrip().startswith("#") else line.strip() for line in lines)


def ignore_problems(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield (line, reason) for each pattern because of which Helm does not load the chart."""
    for number, line in enumerate(lines, start=1):
        if "**" in line:
            yield number, "Helm does not support `**` in .helmignore"
        elif not _VALID.fullmatch(line):
            yield number, f"{line[:60]!r} in .helmignore is not a valid pattern"


def ignore_patterns(lines: Sequence[str]) -> list[IgnorePattern]:
    """Return the patterns of the lines, and Helm's own: hidden files in `templates`."""
    return [_pattern(line) for line in (*lines, "templates/.?*") if line]


def _pattern(line: str) -> IgnorePattern:
    negated = line.startswith("!")
    rule = line.removeprefix("!")
    only_folders = rule.endswith("/")
    rule = rule.removesuffix("/")
    parts = tuple(rule.removeprefix("/").split("/"))
    return IgnorePattern(parts, negated, only_folders, "/" in rule)


def is_ignored(patterns: Sequence[IgnorePattern], path: tuple[str, ...]) -> bool:
    """Whether Helm ignores a file, because of its path in the chart or a folder above it."""
    folders = (path[:depth] for depth in range(1, len(path)))
    return _ignored(patterns, path, folder=False) or any(
        _ignored(patterns, above, folder=True) for above in folders
    )


def _ignored(patterns: Sequence[IgnorePattern], path: tuple[str, ...], *, folder: bool) -> bool:
    """Apply the patterns in order. What a negated one does not match is ignored."""
    for pattern in patterns:
        applies = folder or not pattern.only_folders
        if pattern.negated:
            if not (applies and pattern.matches(path)):
                return True
        elif applies and pattern.matches(path):
            return True
    return False


@lru_cache(maxsize=1_000)
def _regex(part: str) -> re.Pattern[str]:
    """Return a part of a pattern as a regular expression. Go writes `[^a]`, Python `[!a]`."""
    part = re.sub(r"\\(.)", r"[\1]", part)
    part = re.sub(r"\[!([^\]]+)\]", r"[\1!]", part)
    return re.compile(translate(part.replace("[^", "[!")))
