"""What the log says while Postgres is away: one line for each thing that failed for it."""

import logging

from django.db import InterfaceError, OperationalError

# SQLSTATE of a server that ends a connection or takes none (Postgres' manual, "Error Codes"). A
# connection that could not be made, or was cut, has none at all.
_AWAY = {None, "57P01", "57P02", "57P03"}


def is_away(fault: BaseException | None) -> bool:
    """Whether `fault` says that Postgres cannot be reached, and not that it refuses something."""
    if isinstance(fault, InterfaceError):  # of a connection that was closed
        return True
    return isinstance(fault, OperationalError) and (
        getattr(fault.__cause__, "pgcode", None) in _AWAY
    )


class OneLineWhilePostgresIsAway(logging.Filter):
    """Puts the cause into the line and removes the traceback, which is the same each time."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: no record is dropped."""
        fault = record.exc_info[1] if record.exc_info else None
        if fault is not None and is_away(fault):
            # The driver's first line names the server, and holds no password.
            cause = _on_one_line(str(fault).strip().partition("\n")[0])
            said = _on_one_line(record.getMessage())
            record.msg, record.args = (said if cause in said else f"{said}: {cause}"), ()
            record.exc_info = record.exc_text = None
        return True


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
