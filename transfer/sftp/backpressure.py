"""Connections on which replies wait for their client, as asyncssh's own don't."""

import asyncio

from asyncssh import SSHServerConnection, SSHServerConnectionOptions

_UNSENT_BYTES = 1 << 20
"""How much may wait for the socket before sessions are asked to wait."""


class PatientConnection(SSHServerConnection):
    """Tells sessions when the socket doesn't follow: asyncssh lets unread replies pile up.

    A channel's window bounds what a client has asked for at once, but some give a window of
    gigabytes and then don't read. This needs nothing but asyncio's own interface to protocols.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: SSHServerConnectionOptions
    ) -> None:
        super().__init__(loop, options)
        self._may_send = asyncio.Event()
        self._may_send.set()

    @property
    def may_send(self) -> bool:
        """Whether what is sent now goes out soon."""
        return self._may_send.is_set()

    async def drained(self) -> None:
        """Wait until what is sent goes out soon, or never will."""
        await self._may_send.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to be told early enough."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(high=_UNSENT_BYTES)
        super().connection_made(transport)

    async def reload_config(self) -> None:
        """Keep the options: there is no file in which they depend on the user name.

        asyncssh makes all of them anew, in a thread, for each name that signs in.
        """

    def pause_writing(self) -> None:
        """Have sessions wait: the client isn't reading."""
        self._may_send.clear()

    def resume_writing(self) -> None:
        """Have sessions go on."""
        self._may_send.set()

    def connection_lost(self, exc: Exception | None = None) -> None:
        """Let go of who waits for a client that is gone."""
        self._may_send.set()
        super().connection_lost(exc)
