"""Load the hostile payloads in `tests/data/hostile`."""

from pathlib import Path

import yaml

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
