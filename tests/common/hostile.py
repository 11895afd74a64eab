"""Load the hostile payloads in `tests/data/hostile`."""

from pathlib import Path

import yaml

# Values of `next` that must not be followed after a form was sent.
BAD_NEXT = [
    *("https://evil.example/", "//evil.example", "///evil.example", "http:evil.example", "x", ""),
    *("/\\evil.example", "\\\\evil.example", "/\t/evil.example", " //evil.example", "/a b\1"),
    *(
        "javascript:alert(1)",
        "/\r\nSet-Cookie: a=b",
        "/\u202ex",
        "/" + "a" * 3000,
        "/" + "é" * 1000,
    ),
]
FOLDER = Path(__file__).resolve().parents[1] / "data" / "hostile"


class _Loader(yaml.SafeLoader):
    """YAML loader that supports `!times [N, text]`."""


def _times(loader: _Loader, node: yaml.SequenceNode) -> str:
    number, text = loader.construct_sequence(node)
    return text * number


_Loader.add_constructor("!times", _times)


def payloads(*, nesting: bool = True) -> dict[str, str]:
    """Return all payloads by `theme: name`. `nesting`: include the large, deeply nested ones."""
    found: dict[str, str] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        if file.stem != "nesting" or nesting:
            texts = yaml.load(file.read_text(), Loader=_Loader)  # noqa: S506 — a SafeLoader with more
            found |= {f"{file.stem}: {name}": text for name, text in texts.items()}
    return found
