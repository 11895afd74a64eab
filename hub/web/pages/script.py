"""Build hub.js, the script of all pages: the hub's own code, followed by htmx.

`make htmx` copies htmx from the installed package django-htmx. A test asserts that it is current.
"""

from pathlib import Path

import django_htmx

SCRIPT = Path(__file__).parents[2] / "static" / "hub" / "hub.js"
HTMX = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
MARK = "/* --- htmx, verbatim from the package django-htmx; do not edit below --- */\n"


def with_htmx(script: str) -> str:
    """Replace what follows the mark with the package's htmx."""
    own_code, _, _ = script.partition(MARK)
    return f"{own_code}{MARK}{HTMX.read_text(encoding='utf-8')}"


if __name__ == "__main__":
    SCRIPT.write_text(with_htmx(SCRIPT.read_text(encoding="utf-8")), encoding="utf-8")
