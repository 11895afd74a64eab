"""The admin: runs, contents, edits, catalogue, tokens, webhook deliveries and the schedule."""

from hub.admin import access, catalogue, contents, edits, facts, schedule, webhooks

__all__ = ["access", "catalogue", "contents", "edits", "facts", "schedule", "webhooks"]
