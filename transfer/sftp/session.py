"""A channel on which a client speaks SFTP, or asks for a digest. No shell, nothing else."""

import asyncio
from collections.abc import Coroutine
from typing import cast

import structlog
from asyncssh import Error, SSHReader, SSHServerChannel, SSHWriter
from asyncssh.constants import EXTENDED_DATA_STDERR

from transfer.sftp.channels import StraightChannel
from transfer.sftp.commands import FAILED, Command, parse_command
from transfer.sftp.diversion import DivertibleSession
from transfer.sftp.filesystem import CaseFileSystem
from transfer.sftp.requests import RequestHandler
from transfer.sftp.straight import StraightHandler

_log = structlog.get_logger(__name__)


class SftpSession(DivertibleSession):
    """Serves a case's files over one channel, in one task."""

    def __init__(self, filesystem: CaseFileSystem, tasks: "set[asyncio.Task[None]]") -> None:
        """Take what to serve, and `tasks`, in which the session's task is kept while it runs."""
        super().__init__(None)
        self._filesystem = filesystem
        self._tasks = tasks
        self._handler: RequestHandler | None = None
        self._command: Command | None = None
        self._commanding: asyncio.Task[None] | None = None
        self.is_over = False

    def end(self) -> None:
        """Do no further request; the task ends once its connection is closed."""
        if self._handler is not None:
            self._handler.end_session()
        if self._commanding is not None:
            self._commanding.cancel()

    # ── What asyncssh asks ───────────────────────────────────────────────────────────────────

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the channel's end: also of one on which nothing was ever served."""
        self.is_over = True
        if self._handler is not None:
            self._handler.stop_waiting()
        if self._commanding is not None:
            self._commanding.cancel()
        super().connection_lost(exc)

    def shell_requested(self) -> bool:
        """Refuse a shell."""
        return False

    def exec_requested(self, command: str) -> bool:
        """Take the few commands that are answered here, and refuse all others."""
        self._command = parse_command(command)
        if self._command is None:
            self._filesystem.refused("exec")
        return self._command is not None

    def subsystem_requested(self, subsystem: str) -> bool:
        """Take SFTP, and nothing else."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Begin to answer requests."""
        if self._chan is None:
            raise AssertionError
        reader, writer = SSHReader[bytes](self, self._chan), SSHWriter[bytes](self, self._chan)
        if self._command is not None:
            errors = SSHWriter[bytes](self, self._chan, EXTENDED_DATA_STDERR)
            self._commanding = self._begin(self._run(self._command, reader, writer, errors))
            return
        self._handler = self._answering(reader, writer)
        self._begin(self._serve(self._handler))

    def _answering(self, reader: "SSHReader[bytes]", writer: "SSHWriter[bytes]") -> RequestHandler:
        if isinstance(self._chan, StraightChannel):
            return StraightHandler(
                self._filesystem, reader, writer, channel=self._chan, divert=self.divert
            )
        return RequestHandler(self._filesystem, reader, writer)

    def _begin(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(self, handler: RequestHandler) -> None:
        try:
            await handler.run()
        except EOFError:
            _log.debug("sftp-left-before-its-first-request")
        except Exception:  # noqa: BLE001 - the outermost boundary
            _log.exception("sftp-session-failed")
        finally:
            await handler.interrupt_files()
            if self._chan is not None:
                self._chan.close()

    async def _run(
        self,
        command: Command,
        reader: "SSHReader[bytes]",
        writer: "SSHWriter[bytes]",
        errors: "SSHWriter[bytes]",
    ) -> None:
        status = FAILED
        try:
            status = await command.run(self._filesystem, reader, writer, errors)
        except (OSError, Error):  # the client has left
            _log.debug("sftp-command-not-awaited")
        except Exception:  # noqa: BLE001 - the outermost boundary
            _log.exception("sftp-command-failed")
        finally:
            if self._chan is not None:
                cast("SSHServerChannel[bytes]", self._chan).exit(status)
