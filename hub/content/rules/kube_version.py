"""Check the `kubeVersion` of a chart as Helm's library for versions, Masterminds/semver, does."""

import re

_PART = r"\d+|[xX*]"
_VERSION = rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_OPERATOR = r"!=|>=|=>|<=|=<|~>|=|>|<|~|\^|"
_CONDITION = re.compile(rf"\s*({_OPERATOR})\s*{_VERSION}(?=[\s,]|\Z)\s*(?:,(?=.)|)", re.DOTALL)
_RANGE = re.compile(rf"(?<!\S)({_VERSION})\s+-\s+({_VERSION})(?=[\s,|]|\Z)")
_MAX_LENGTH = 300
# The versions of Kubernetes, also those of the next years.
_KUBERNETES = [(1, minor, patch) for minor in range(60) for patch in range(40)]


def kube_version_problem(constraint: str) -> str:
    """Return why Helm installs the chart on no version of Kubernetes; "" if it does on some."""
    if len(constraint) > _MAX_LENGTH:
        return "is too long"
    ranged = _RANGE.sub(lambda match: f">={match[1]} <={match[5]}", constraint)
    alternatives = [_parse(each) for each in ranged.split("||")]
    if None in alternatives:
        return "is not a constraint such as >=1.25.0-0"
    for conditions in alternatives:
        for version in _KUBERNETES:
            if all(_holds(version, *condition) for condition in conditions or ()):
                return ""
    return "matches no version of Kubernetes"


def _parse(text: str) -> list[tuple[str, tuple[int, ...]]] | None:
    """Return (operator, known parts of the version) for each condition; None if it is not valid."""
    conditions, position = [], 0
    while position < len(text):
        match = _CONDITION.match(text, position)
        if match is None:
            return None
        parts: list[int] = []
        for part in match.group(2, 3, 4):
            if part is None or not part.isdigit():
                break
            parts.append(int(part))
        conditions.append((match[1], tuple(parts)))
        position = match.end()
    return conditions or None


def _holds(version: tuple[int, ...], operator: str, parts: tuple[int, ...]) -> bool:
    """Whether the version meets a condition, of whose version only the first parts may be known."""
    same = version[: len(parts)] == parts
    lowest = parts + (0,) * (3 - len(parts))
    match operator:
        case ">":
            return version > lowest and not same
        case "<":
            return version < lowest
        case ">=" | "=>":
            return version >= lowest
        case "<=" | "=<":
            return version <= lowest or same
        case "!=":
            return not same
        case "~" | "~>":
            return version >= lowest and version[: min(len(parts), 2)] == parts[:2]
        case "^":
            return version >= lowest and version[: min(len(parts), 1)] == parts[:1]
        case _:
            return same
