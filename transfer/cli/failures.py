"""What a person is told when a command fails."""

import logging
import sys

import structlog
import typer

from transfer.core.errors import TransferError

_log = structlog.get_logger(__name__)


def exit_status(failure: Exception) -> int:
    """Say what went wrong, and return the status to leave with."""
    if isinstance(failure, TransferError):
        typer.echo(f"Error: {failure.message}", err=True)
    elif type(failure).__module__.startswith("transfer."):
        typer.echo(f"Error: {failure}", err=True)  # ours: its message is for people
    elif isinstance(failure, BrokenPipeError):
        sys.stderr.close()  # nobody reads on; Python would complain about standard output
    else:
        _log.debug("command.crashed", exc_info=failure)
        typer.echo(f"Error: {type(failure).__name__}: {failure}", err=True)
        if logging.getLogger().getEffectiveLevel() > logging.DEBUG:
            typer.echo("Set TRANSFER_LOG_LEVEL=debug to see where.", err=True)
    return 1
