"""Screenshots of pages in tests/output."""

import os
import re

from playwright.sync_api import Page

from tests.common.processes import ROOT

OUTPUT = ROOT / "tests" / "output"


def take_picture(page: Page, name: str) -> None:
    """Save a screenshot of the whole page as `NAME.png`, with unsafe characters replaced."""
    name = re.sub(r"[^\w.-]+", "-", name).strip("-")
    page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)


def take_picture_for_review(page: Page, name: str) -> None:
    """Save a screenshot if `make browser` runs the tests: one takes a second of processor time."""
    if os.environ.get("BROWSER_PICTURES"):
        take_picture(page, name)
