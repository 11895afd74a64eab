"""Render all stored texts, in this process or in a worker that already does."""

from hub.rendering.outdated import any_outdated, render_outdated
from tests.common.waiting import wait_until


def render_all() -> None:
    """Return when no text is outdated."""
    wait_until(lambda: render_outdated(60) or not any_outdated(), "all texts to be rendered")
