"""The format of the log: JSON for programs, or lines for people. Both have the bound ids."""

from typing import Any

import structlog

from hub.github.redaction import redact

# What log calls may add with `extra`, for the access log.
_EXTRA = ("client", "method", "path", "status", "seconds")


def make_formatter(as_json: bool) -> structlog.stdlib.ProcessorFormatter:
    """Return a formatter for all loggers, including those of libraries."""
    renderer: Any = structlog.dev.ConsoleRenderer(
        colors=False,
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=0,
        pad_level=False,
    )
    if as_json:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(_EXTRA),
            structlog.processors.format_exc_info,
            _redact_values,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _redact_values(_logger: Any, _method: str, event: Any) -> Any:
    """Remove tokens from the message, the traceback and all other texts."""
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
