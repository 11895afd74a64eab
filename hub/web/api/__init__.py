"""The API, version 1: what the pages show, for programs, and editing."""

from hub.web.api import edits, refusals
from hub.web.api.endpoints import api

api.add_router("/edits", edits.router)
refusals.answer_with(api)

__all__ = ["api"]
