"""The admin: runs, contents, edits, catalogue, tokens, deliveries, schedule, failed sign-ins."""

from hub.admin import access, catalogue, contents, edits, facts, schedule

__all__ = ["access", "catalogue", "contents", "edits", "facts", "schedule"]
