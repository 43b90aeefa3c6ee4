"""Structured logs: a fixed sentence plus fields, one JSON object per line, or coloured text on a terminal.

Fields hold ids and figures only. Personal data never reaches a log; ``_drop_secrets`` is the last net.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_NEVER = ("password", "secret", "token", "ticket", "cookie", "authorization", "sdp", "offer", "answer", "phone", "name")


def _drop_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in list(event):
        if key in _NEVER:
            event[key] = "…"
    return event


def configure(process: str, *, level: str = "INFO") -> None:
    """Set up logging for this process. Third-party loggers are kept to warnings."""
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _drop_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
