"""A client's connection: who it is for, and for how long."""

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field

import structlog
from asyncssh import DISC_SERVICE_NOT_AVAILABLE, SSHKey, SSHServer, SSHServerConnection

from transfer.core.access import Principal
from transfer.core.accounts import AccountEnd
from transfer.core.errors import NotSignedInError, TooManyAttemptsError
from transfer.engine.account_usage import Traffic
from transfer.engine.accounts import Accounts
from transfer.engine.bans import Bans
from transfer.engine.files import Files
from transfer.engine.uploads import Uploads
from transfer.engine.visits import Visits
from transfer.ports import Clock
from transfer.sftp.admission import Admission, Seat
from transfer.sftp.journal import Journal, JournaledFileSystem
from transfer.sftp.policy import SftpPolicy
from transfer.sftp.revision import Desk
from transfer.sftp.session import SftpSession
from transfer.sftp.spool import SpoolSpace
from transfer.sftp.stay import Stay

_log = structlog.get_logger(__name__)

_MAX_ATTEMPTS = 6
_MAX_KEYS = 20
_MAX_NAMES = 10
_MAX_REQUESTS = 100
_MAX_SESSIONS = 10

_REFUSED_AFTER_SECONDS = 0.05
"""Longer than it takes to find out that somebody doesn't get in, whatever the reason."""


_SHA1_SIGNATURES = frozenset({b"ssh-rsa"})
"""asyncssh takes them of RSA keys still."""

_FAREWELLS = {
    AccountEnd.EXPIRED: "This account has expired. What has arrived is kept.",
    AccountEnd.REVOKED: "This account was revoked. What has arrived is kept.",
    AccountEnd.CASE_CLOSED: "The case was closed. What has arrived is kept.",
    AccountEnd.REISSUED: "This account has a new password: sign in again. Nothing is lost.",
}
_TOO_MANY = "Too many attempts to sign in."
_UNCHECKED = "The account can't be checked now: connect again in a moment."
_IDLE = "Nothing was asked for a long time: connect again. What has arrived is kept."


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What connections work with."""

    accounts: Accounts
    uploads: Uploads
    files: Files
    visits: Visits
    bans: Bans
    clock: Clock
    space: SpoolSpace = field(default_factory=SpoolSpace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The connections of a server, and the tasks of their sessions, as long as they live."""

    admission: Admission
    connections: "set[SftpConnection]" = field(default_factory=set)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _SignedIn:
    """Who has signed in, by which name, and whether with a key."""

    username: str
    principal: Principal
    by_key: bool


@dataclass(slots=True)
class _Tries:
    """What a client has tried before it signed in."""

    passwords: int = 0
    keys: int = 0
    names: int = 0
    requests: int = 0


class SftpConnection(SSHServer):
    """Signs its client in, and lives as long as the account that it came with."""

    def __init__(self, services: Services, live: Live, policy: SftpPolicy | None = None) -> None:
        self._services = services
        self._live = live
        self._policy = policy or SftpPolicy()
        self._connection: SSHServerConnection | None = None
        self._address: str | None = None
        self._seat: Seat | None = None
        self._greeting: asyncio.TimerHandle | None = None
        self._tries = _Tries()
        self._signed_in: _SignedIn | None = None
        self._stay: Stay | None = None
        self._sessions: list[SftpSession] = []
        self._watch: asyncio.Task[None] | None = None
        self._is_over = False

    def end(self, reason: str, word: str = "ended") -> None:
        """Disconnect, telling `reason`; sessions do no further request, and end their files.

        `word` is what the audit log is told.
        """
        self._is_over = True
        if self._stay is not None:
            self._stay.ends(word)
        for session in self._sessions:
            session.end()
        if self._connection is not None:
            self._connection.disconnect(DISC_SERVICE_NOT_AVAILABLE, reason)

    def look(self, idle_rounds: int) -> None:
        """Have one round: end it if nothing was asked for `idle_rounds`."""
        if self._stay is None or self._is_over:
            return
        self._stay.look()
        if self._stay.quiet_rounds >= idle_rounds:
            self.end(_IDLE, "idle")

    # ── The connection ───────────────────────────────────────────────────────────────────────

    def connection_made(self, conn: SSHServerConnection) -> None:
        """Take a new connection, if there is room for it."""
        self._connection = conn
        peer = conn.get_extra_info("peername")
        self._address = peer[0] if peer else None
        self._seat = self._live.admission.enter(self._address)
        if self._seat is None:
            self._is_over = True
            conn.abort()
            return
        self._live.connections.add(self)
        self._greeting = asyncio.get_running_loop().call_later(
            self._policy.greeting_timeout.total_seconds(), self._check_greeting
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of a connection's end, whoever ended it."""
        self._is_over = True
        self._live.connections.discard(self)
        if self._greeting is not None:
            self._greeting.cancel()
        if self._seat is not None:
            self._seat.leave()
        if self._watch is not None:
            self._watch.cancel()
        if self._stay is not None:
            self._stay.ends("left" if exc is None else "lost")
            self._keep(self._stay.note_end())

    def _check_greeting(self) -> None:
        """Let go of who connects and says nothing: no client does, and scanners do."""
        if self._connection is not None and not self._connection.get_extra_info("client_version"):
            self._connection.abort()

    # ── Signing in ───────────────────────────────────────────────────────────────────────────

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        """Start over: nothing that was found for another user name counts for this one."""
        self._signed_in = None
        self._tries.names += 1
        if self._tries.names == 1 and self._policy.banner and self._connection is not None:
            self._connection.send_auth_banner(self._policy.banner)
        if self._tries.names > _MAX_NAMES:
            self.end(_TOO_MANY)
        return True

    def password_auth_supported(self) -> bool:
        """Offer passwords; asyncssh then offers keyboard-interactive for them too.

        It asks at each request, and before each refusal: so those are counted that try nothing.
        """
        self._tries.requests += 1
        if self._tries.requests > _MAX_REQUESTS and not self._is_over:
            self.end(_TOO_MANY)
        return True

    def public_key_auth_supported(self) -> bool:
        """Offer keys, whoever asks: it would tell something of an account not to."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Tell whether the password is right. Whatever goes wrong, it isn't."""
        self._signed_in = None
        self._tries.passwords += 1
        if self._tries.passwords > _MAX_ATTEMPTS:
            self.end(_TOO_MANY)
        if self._is_over:
            return False
        accounts = self._services.accounts
        principal = await self._found(accounts.log_in(username, password, self._address))
        if principal is None:
            return False
        self._signed_in = _SignedIn(username, principal, by_key=False)
        return True

    async def validate_public_key(self, username: str, key: SSHKey) -> bool:
        """Tell whether a key is of the account; asyncssh asks for its signature afterwards."""
        self._signed_in = None
        self._tries.keys += 1
        if self._tries.keys > _MAX_KEYS:
            self.end(_TOO_MANY)
        if self._is_over:
            return False
        accounts = self._services.accounts
        recognising = accounts.recognise_key(username, key.public_data, self._address)
        principal = await self._found(recognising)
        if principal is None:
            return False
        key.all_sig_algorithms = set(key.all_sig_algorithms) - _SHA1_SIGNATURES
        self._signed_in = _SignedIn(username, principal, by_key=True)
        return True

    def auth_completed(self) -> None:
        """Begin to live by the account."""
        principal = self._principal()
        if principal is None or principal.credential is None or self._seat is None:
            self.end("Signing in went wrong: connect again.")
            return
        self._live.admission.sign_in(self._seat)
        journal = Journal(self._services.visits, principal, Traffic())
        self._stay = Stay(principal, journal, self._services, self._connection)
        self._watch = self._keep(self._live_by(principal, journal.traffic))
        self._live.tasks.add(self._watch)  # as it notes at its end how the account was used
        self._watch.add_done_callback(self._live.tasks.discard)

    async def _found(self, signing_in: Awaitable[Principal]) -> Principal | None:
        """Return who signs in; None if nobody does, whatever the reason, after a time of its own.

        So what it took to find that out isn't told by when it is told.
        """
        refused_at = asyncio.get_running_loop().time() + _REFUSED_AFTER_SECONDS
        principal = await self._decided(signing_in)
        if principal is None:
            await _reached(refused_at)
        return principal

    async def _decided(self, signing_in: Awaitable[Principal]) -> Principal | None:
        try:
            return await signing_in
        except TooManyAttemptsError as exc:
            await self._note_insistence()
            self.end(exc.message)
        except NotSignedInError:
            pass
        except Exception:  # noqa: BLE001 - no error whatever may let anyone in
            _log.exception("sftp-sign-in-failed")
        return None

    async def _note_insistence(self) -> None:
        try:
            await self._services.bans.insisted(self._address)
        except Exception:  # noqa: BLE001 - nor this one
            _log.exception("sftp-ban-failed")

    # ── Sessions ─────────────────────────────────────────────────────────────────────────────

    def session_requested(self) -> SftpSession | bool:
        """Serve the case of the account on another channel."""
        principal = self._principal()
        if principal is None or not principal.cases or self._is_over or self._stay is None:
            return False
        version = self._connection.get_extra_info("client_version") if self._connection else None
        self._sessions = [session for session in self._sessions if not session.is_over]
        if len(self._sessions) >= _MAX_SESSIONS:
            return False
        [case_number] = principal.cases
        filesystem = JournaledFileSystem(
            Desk(
                uploads=self._services.uploads,
                files=self._services.files,
                principal=principal,
                space=self._services.space,
            ),
            self._services.clock,
            case_number=case_number,
            client=version or "",
        )
        filesystem.journaled_by(self._stay.journal)
        session = SftpSession(filesystem, self._live.tasks)
        self._sessions.append(session)
        return session

    def _principal(self) -> Principal | None:
        """Return who signed in, under the user name for which the connection was accepted."""
        if self._signed_in is None or self._connection is None:
            return None
        username, principal = self._signed_in.username, self._signed_in.principal
        accepted = self._connection.get_extra_info("username")
        return principal if username == accepted == principal.name else None

    async def _live_by(self, principal: Principal, traffic: Traffic) -> None:
        try:
            if self._signed_in is not None and self._signed_in.by_key:
                await self._services.accounts.key_proved(principal)
            end = await self._services.accounts.live(principal, traffic)
        except Exception:  # noqa: BLE001 - who can't be watched doesn't stay
            _log.exception("sftp-account-not-watched", account=principal.credential)
            self.end(_UNCHECKED, "unchecked")
        else:
            _log.info("sftp-account-ended", account=principal.credential, end=end.value)
            self.end(_FAREWELLS[end], end.value)

    def _keep(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Do `work` in a task that the server waits for when it stops."""
        task = asyncio.create_task(work)
        self._live.tasks.add(task)
        task.add_done_callback(self._live.tasks.discard)
        return task


async def _reached(moment: float) -> None:
    """Wait until the loop's own time is at `moment`: no clock that an operator may set."""
    loop = asyncio.get_running_loop()
    reached = loop.create_future()
    timer = loop.call_at(moment, reached.set_result, None)
    try:
        await reached
    finally:
        timer.cancel()
