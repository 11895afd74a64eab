"""Logging filter that shortens errors to one line while Postgres is unavailable."""

import logging

from django.db import InterfaceError, OperationalError

# SQLSTATE codes of a server that closes or rejects connections (Postgres manual, "Error Codes").
# None: the connection failed or was lost, so there is no code.
_UNAVAILABLE = {None, "57P01", "57P02", "57P03"}


def is_database_unavailable(error: BaseException | None) -> bool:
    """Return whether `error` means that Postgres cannot be reached."""
    if isinstance(error, OperationalError):
        return getattr(error.__cause__, "pgcode", None) in _UNAVAILABLE
    return isinstance(error, InterfaceError)  # the connection is already closed


class OneLineDatabaseErrors(logging.Filter):
    """Append the cause to the message and remove the traceback, which is always the same."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record if needed. Return True: no record is dropped."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and is_database_unavailable(error):
            # The driver's first line names the server and contains no password.
            cause = _one_line(str(error).strip().partition("\n")[0])
            message = _one_line(record.getMessage())
            record.msg, record.args = (message if cause in message else f"{message}: {cause}"), ()
            record.exc_info = record.exc_text = None
        return True


def _one_line(text: str) -> str:
    return " ".join(text.split())
