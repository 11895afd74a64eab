"""The REST API, version 1: the data of the pages as JSON, and editing of content files."""

from hub.web.api import edits, refusals  # noqa: F401 — refusals registers its handlers
from hub.web.api.endpoints import api

api.add_router("/edits", edits.router)

__all__ = ["api"]
