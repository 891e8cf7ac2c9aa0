"""A channel on which a client speaks SFTP. No shell, no command, nothing else."""

import asyncio

import structlog
from asyncssh import SSHReader, SSHWriter
from asyncssh.stream import SSHServerStreamSession

from transfer.sftp.filesystem import CaseFileSystem
from transfer.sftp.requests import RequestHandler

_log = structlog.get_logger(__name__)


class SftpSession(SSHServerStreamSession[bytes]):
    """Serves a case's files over one channel, in one task."""

    def __init__(self, filesystem: CaseFileSystem, tasks: "set[asyncio.Task[None]]") -> None:
        """Take what to serve, and `tasks`, in which the session's task is kept while it runs."""
        super().__init__(None)
        self._filesystem = filesystem
        self._tasks = tasks
        self._handler: RequestHandler | None = None
        self.is_over = False

    def end(self) -> None:
        """Do no further request; the task ends once its connection is closed."""
        if self._handler is not None:
            self._handler.end_session()

    # ── What asyncssh asks ───────────────────────────────────────────────────────────────────

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the channel's end: also of one on which nothing was ever served."""
        self.is_over = True
        super().connection_lost(exc)

    def shell_requested(self) -> bool:
        """Refuse a shell."""
        return False

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        """Refuse every command."""
        return False

    def subsystem_requested(self, subsystem: str) -> bool:
        """Take SFTP, and nothing else."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Begin to answer requests."""
        if self._chan is None:
            raise AssertionError
        reader, writer = SSHReader[bytes](self, self._chan), SSHWriter[bytes](self, self._chan)
        self._handler = RequestHandler(self._filesystem, reader, writer)
        task = asyncio.create_task(self._serve(self._handler))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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
