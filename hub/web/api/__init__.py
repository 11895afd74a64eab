"""The API, version 1: what the pages show, for programs, and editing."""

from hub.web.api import edits, refusals  # noqa: F401 — refusals registers its handlers
from hub.web.api.endpoints import api

api.add_router("/edits", edits.router)

__all__ = ["api"]
