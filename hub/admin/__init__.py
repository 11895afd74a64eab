"""The admin: runs, contents, catalogue, tokens, webhook deliveries and the schedule."""

from hub.admin import access, catalogue, contents, webhooks

__all__ = ["access", "catalogue", "contents", "webhooks"]
