"""Screen sizes and browser preferences for the tests."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest


@dataclass(frozen=True)
class Screen:
    """The size of a window, and the preferences of its user."""

    width: int = 1280
    height: int = 800
    touch: bool = False
    scheme: Literal["light", "dark"] = "light"
    script: bool = True

    def __str__(self) -> str:
        words = ["phone" if self.touch else "desktop", self.scheme]
        return "-".join(words if self.script else [*words, "no script"])

    @property
    def options(self) -> dict[str, Any]:
        """The arguments for Playwright's `new_context`."""
        return {
            "viewport": {"width": self.width, "height": self.height},
            "has_touch": self.touch,
            "is_mobile": self.touch,
            "color_scheme": self.scheme,
            "java_script_enabled": self.script,
        }


DESKTOP = Screen()
PHONE = Screen(360, 780, touch=True)
DARK = replace(DESKTOP, scheme="dark")
DARK_PHONE = replace(PHONE, scheme="dark")
NO_SCRIPT = replace(DESKTOP, script=False)
NO_SCRIPT_PHONE = replace(PHONE, script=False)

# A phone with scripts and a desktop without: each size, each theme, and no scripts. Tests without
# this mark use a desktop with scripts.
SCREENS = [DARK_PHONE, NO_SCRIPT]
on_each_screen = pytest.mark.parametrize("page", SCREENS, ids=str, indirect=True)
