"""The SFTP server: it listens, says what it can, and stops cleanly."""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from datetime import timedelta

from asyncssh import SSHServerConnectionOptions
from asyncssh.kex import get_kex_algs

from transfer.sftp.acceptance import Acceptor
from transfer.sftp.admission import Admission
from transfer.sftp.connection import Live, Services, SftpConnection
from transfer.sftp.fastpath import listen
from transfer.sftp.hostkeys import HostKeys
from transfer.sftp.policy import SftpPolicy

__all__ = ["SftpPolicy", "SftpServer"]

_VERSION = "CaseTransfer"
"""What the server calls itself: no version to look up, and no name for which clients make
exceptions, as they do for OpenSSH's."""

_KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
)
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
"""GCM first, as it costs the least; no chacha, which OpenSSH would choose and which costs most."""
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",  # libssh2 before 1.11, and so Debian 12's curl, knows none of the others
)
_SIGNATURES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""What clients are told that their own keys may sign with."""

_CANCELLED_SECONDS = 3.0
_LONGEST_ROUND = timedelta(seconds=30)
_IDLE_ROUNDS = 10
"""In how many rounds at least nothing is seen of a connection before it counts as idle."""


class SftpServer:
    """Listens for SFTP clients from `start` to `stop`."""

    def __init__(
        self, services: Services, host_keys: HostKeys, policy: SftpPolicy | None = None
    ) -> None:
        self._services = services
        self._host_keys = host_keys
        self._policy = policy or SftpPolicy()
        self._acceptors: list[Acceptor] = []
        admission = Admission(
            services.clock, self._policy.admission, is_banned=services.bans.covers
        )
        self._live = Live(admission=admission)
        self._patrol: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        found = (address for acceptor in self._acceptors for address in acceptor.get_addresses())
        return [(address[0], address[1]) for address in found]

    @property
    def connections(self) -> int:
        """How many clients are connected, signed in or not."""
        return len(self._live.connections)

    async def start(
        self,
        host: str | None = None,
        port: int = 0,
        *,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        """Listen at `host` and `port` (0: any that is free), or on `sockets`, bound already.

        Raises:
            OSError: the address can't be listened at.
        """
        options = self._options()
        if not sockets:
            self._acceptors.append(await listen(options, host=host, port=port, load=self._load))
        for one in sockets:
            self._acceptors.append(await listen(options, sock=one, load=self._load))
        if self._patrol is None and self._policy.idle_timeout is not None:
            self._patrol = asyncio.create_task(self._go_round(self._policy.idle_timeout))

    async def stop(self) -> None:
        """Take no new connections, and end those that are: what arrived is made durable first.

        Units: at most the policy's grace and a few seconds.
        """
        for acceptor in self._acceptors:
            acceptor.close()
        if self._patrol is not None:
            self._patrol.cancel()
        for connection in tuple(self._live.connections):
            connection.end("The service is stopping: connect again in a moment.", "stopping")
        late = await _wait(self._live.tasks, self._policy.stop_grace.total_seconds())
        for task in late:
            task.cancel()
        await _wait(late, _CANCELLED_SECONDS)
        closing = [asyncio.create_task(acceptor.wait_closed()) for acceptor in self._acceptors]
        for task in await _wait(closing, _CANCELLED_SECONDS):
            task.cancel()
        self._acceptors.clear()
        await _wait(self._live.tasks, _CANCELLED_SECONDS)  # what is noted of connections' ends

    def _load(self) -> int:
        return len(self._live.connections)

    async def _go_round(self, idle: timedelta) -> None:
        """End connections on which nothing was asked for as long as `idle`, until cancelled.

        Rounds are counted, not seconds: after a machine has slept nobody was idle meanwhile.
        """
        length = min(_LONGEST_ROUND, idle / _IDLE_ROUNDS)
        rounds = round(idle / length)
        while True:
            await self._services.clock.sleep(length.total_seconds())
            for connection in tuple(self._live.connections):
                connection.look(rounds)

    def _options(self) -> SSHServerConnectionOptions:
        known = {algorithm.decode() for algorithm in get_kex_algs()}
        return SSHServerConnectionOptions(
            server_factory=lambda: SftpConnection(self._services, self._live, self._policy),
            server_version=_VERSION,
            server_host_keys=self._host_keys.pairs(),
            # One of them needs a recent OpenSSL.
            kex_algs=[name for name in _KEX if name in known],
            encryption_algs=_CIPHERS,
            mac_algs=_MACS,
            signature_algs=_SIGNATURES,
            compression_algs=None,
            gss_host=None,
            host_based_auth=False,
            public_key_auth=True,
            allow_pty=False,
            agent_forwarding=False,
            line_editor=False,
            encoding=None,
            login_timeout=self._policy.login_timeout.total_seconds(),
            keepalive_interval=self._policy.keepalive.total_seconds(),
        )


async def _wait(tasks: "Iterable[asyncio.Task[None]]", seconds: float) -> "set[asyncio.Task[None]]":
    """Wait for `tasks`, at most as long; return those that are left."""
    waited = set(tasks)
    if not waited:
        return waited
    return (await asyncio.wait(waited, timeout=seconds))[1]
