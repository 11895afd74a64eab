"""The one script of the pages: our own behaviours, then htmx as its package has it.

`make htmx` puts the installed package's htmx into hub.js; a test asserts that it is there.
"""

from pathlib import Path

import django_htmx

SCRIPT = Path(__file__).parents[2] / "static" / "hub" / "hub.js"
PACKAGED = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
MARK = "/* --- htmx, verbatim from the package django-htmx; do not edit below --- */\n"


def with_htmx(script: str) -> str:
    """The script with the package's htmx after the mark, in place of what stood there."""
    own, _, _ = script.partition(MARK)
    return f"{own}{MARK}{PACKAGED.read_text(encoding='utf-8')}"


if __name__ == "__main__":
    SCRIPT.write_text(with_htmx(SCRIPT.read_text(encoding="utf-8")), encoding="utf-8")
