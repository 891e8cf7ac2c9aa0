"""Where a failure ends: one piece of work fails, logged, and the others go on."""

from collections.abc import Awaitable

import structlog

from transfer.core.errors import TransferError

_log = structlog.get_logger(__name__)


async def failure_of(work: Awaitable[object], **context: object) -> str | None:
    """Finish `work`; return None, or a short name of what went wrong. `context` is logged with it.

    The only place of the background work that takes any exception for an answer.
    """
    try:
        await work
    except TransferError as exc:
        _log.warning("retention.failed", error=exc.code, reason=exc.message, **context)
        return exc.code
    except Exception as exc:  # noqa: BLE001 -- the outermost boundary of a piece of work
        _log.exception("retention.crashed", **context)
        return type(exc).__name__
    return None
