"""The read API, version 1: what the pages show, for programs."""

from hub.api.endpoints import api

__all__ = ["api"]
