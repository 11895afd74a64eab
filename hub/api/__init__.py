"""The API, version 1: what the pages show, for programs, and editing."""

from hub.api import edits, refusals
from hub.api.endpoints import api

api.add_router("/edits", edits.router)
refusals.answer_with(api)

__all__ = ["api"]
