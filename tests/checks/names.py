"""Find public classes and functions that share a name."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.checks.files import ROOT, own_files

_PRODUCT = ("hub/", "tasks/", "config/")
_BY_CONVENTION = {"Command"}  # Django looks for it in each module of management/commands


def shared_names(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return each public name that several modules define, with its places.

    `sources` holds Python source by path.
    """
    places = defaultdict(list)
    for path, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path}:{node.lineno}")
    return {
        name: found
        for name, found in sorted(places.items())
        if len(found) > 1 and name not in _BY_CONVENTION
    }


def problems() -> Iterator[str]:
    """Yield each shared name of the product."""
    sources = {
        path.as_posix(): (ROOT / path).read_text(encoding="utf-8")
        for path in own_files(".py")
        if path.as_posix().startswith(_PRODUCT) and "migrations" not in path.parts
    }
    for name, places in shared_names(sources).items():
        yield f"{name} is defined in {', '.join(places)}: give each a name of its own"
