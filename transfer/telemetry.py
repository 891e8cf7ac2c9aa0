"""Logs: one line an event, of our own code and of the libraries alike, on standard error.

Names of files and secrets don't get here: events carry ids, tracebacks carry no values, and what
looks like a bearer token is struck out.
"""

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_TOKEN = re.compile(r"\bctt_[A-Za-z0-9_-]+")

_QUIET = {
    "aiohttp.access": logging.CRITICAL,  # its lines have the URL, and so the query
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "asyncssh": logging.WARNING,  # lower ones have user names and paths
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,  # lower ones have signed headers
    "s3transfer": logging.WARNING,
    "sqlalchemy": logging.WARNING,  # lower ones have the values of rows
    "urllib3": logging.ERROR,
}
"""The least level of the libraries' loggers, whatever the operator asks for."""


def configure_logs(
    level: str = "info", form: str = "auto", *, stream: TextIO | None = None, **bound: object
) -> None:
    """Send all logs from `level` up to `stream`, as `form` (auto, console, json) says.

    `bound` goes along with every line: which process it is, for instance.
    """
    target = stream or sys.stderr
    is_terminal = target.isatty()
    console = form == "console" or (form == "auto" and is_terminal)
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_tokens,
    ]
    renderer = _console(colors=is_terminal) if console else structlog.processors.JSONRenderer()
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*steps, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(target),
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**bound)
    _route_libraries(target, number, steps, renderer)


def _route_libraries(
    target: TextIO, level: int, steps: list[Processor], renderer: Processor
) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *steps],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(capture=True)


def _console(*, colors: bool) -> Processor:
    # The default formatter of tracebacks shows the values of variables: passwords, names of files.
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback
    )


def _without_tokens(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and "ctt_" in value:
            event[key] = _TOKEN.sub("ctt_***", value)
    return event
