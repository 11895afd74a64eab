"""Pictures of pages, for people to look at: they lie in tests/output."""

import re

from playwright.sync_api import Page

from tests.common.processes import ROOT

OUTPUT = ROOT / "tests" / "output"


def take_picture(page: Page, name: str) -> None:
    """Keep the whole page as it is now, under a name of letters, digits, dots and dashes."""
    name = re.sub(r"[^\w.-]+", "-", name).strip("-")
    page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)
