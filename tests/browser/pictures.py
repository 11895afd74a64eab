"""Screenshots of pages in tests/output, for manual review."""

import re

from playwright.sync_api import Page

from tests.common.processes import ROOT

OUTPUT = ROOT / "tests" / "output"


def take_picture(page: Page, name: str) -> None:
    """Save a screenshot of the whole page as `NAME.png`, with unsafe characters replaced."""
    name = re.sub(r"[^\w.-]+", "-", name).strip("-")
    page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)
