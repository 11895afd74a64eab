"""The admin: runs, contents, catalogue, tokens and the schedule."""

from hub.admin import access, catalogue, contents

__all__ = ["access", "catalogue", "contents"]
