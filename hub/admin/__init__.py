"""Admin site for the catalogue, contents, edits, runs, tokens, webhooks, schedule and sign-ins."""

from hub.admin import access, catalogue, contents, edits, facts, schedule

__all__ = ["access", "catalogue", "contents", "edits", "facts", "schedule"]
