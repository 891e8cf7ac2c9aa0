"""A client's connection: who it is for, and for how long."""

import asyncio
from dataclasses import dataclass, field

import structlog
from asyncssh import DISC_SERVICE_NOT_AVAILABLE, SSHServer, SSHServerConnection

from transfer.core.access import Principal
from transfer.core.accounts import AccountEnd, AccountId
from transfer.core.errors import NotSignedInError
from transfer.engine.accounts import Accounts
from transfer.engine.files import Files
from transfer.engine.uploads import Uploads
from transfer.ports import Clock
from transfer.sftp.filesystem import CaseFileSystem
from transfer.sftp.session import SftpSession

_log = structlog.get_logger(__name__)

_MAX_ATTEMPTS = 6
_MAX_SESSIONS = 10

_FAREWELLS = {
    AccountEnd.EXPIRED: "This account has expired. What has arrived is kept.",
    AccountEnd.REVOKED: "This account was revoked. What has arrived is kept.",
    AccountEnd.CASE_CLOSED: "The case was closed. What has arrived is kept.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What connections work with."""

    accounts: Accounts
    uploads: Uploads
    files: Files
    clock: Clock


@dataclass(frozen=True, slots=True)
class Live:
    """The connections of a server, and the tasks of their sessions, as long as they live."""

    connections: "set[SftpConnection]" = field(default_factory=set)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)


class SftpConnection(SSHServer):
    """Signs its client in by password, and lives as long as the account that it came with."""

    def __init__(self, services: Services, live: Live) -> None:
        self._services = services
        self._live = live
        self._connection: SSHServerConnection | None = None
        self._address: str | None = None
        self._attempts = 0
        self._signed_in: tuple[str, Principal] | None = None
        self._sessions: list[SftpSession] = []
        self._watch: asyncio.Task[None] | None = None
        self._is_over = False

    def end(self, reason: str) -> None:
        """Disconnect, telling `reason`; sessions do no further request, and end their files."""
        self._is_over = True
        for session in self._sessions:
            session.end()
        if self._connection is not None:
            self._connection.disconnect(DISC_SERVICE_NOT_AVAILABLE, reason)

    # ── The connection ───────────────────────────────────────────────────────────────────────

    def connection_made(self, conn: SSHServerConnection) -> None:
        """Take note of a new connection."""
        self._connection = conn
        peer = conn.get_extra_info("peername")
        self._address = peer[0] if peer else None
        self._live.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        """Take note of a connection's end, whoever ended it."""
        self._live.connections.discard(self)
        if self._watch is not None:
            self._watch.cancel()

    # ── Signing in ───────────────────────────────────────────────────────────────────────────

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        """Start over: nothing that was found for another user name counts for this one."""
        self._signed_in = None
        return True

    def password_auth_supported(self) -> bool:
        """Offer passwords; asyncssh then offers keyboard-interactive for them too."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Tell whether the password is right. Whatever goes wrong, it isn't."""
        self._signed_in = None
        self._attempts += 1
        if self._attempts > _MAX_ATTEMPTS:
            self.end("Too many attempts to sign in.")
            return False
        try:
            accounts = self._services.accounts
            principal = await accounts.log_in(username, password, self._address)
        except NotSignedInError:
            return False
        except Exception:  # noqa: BLE001 - no error whatever may let anyone in
            _log.exception("sftp-sign-in-failed")
            return False
        self._signed_in = (username, principal)
        return True

    def auth_completed(self) -> None:
        """Begin to live by the account."""
        principal = self._principal()
        if principal is None or principal.credential is None:
            self.end("Signing in went wrong: connect again.")
            return
        self._watch = asyncio.create_task(self._live_by(AccountId(principal.credential)))

    def session_requested(self) -> SftpSession | bool:
        """Serve the case of the account on another channel."""
        principal = self._principal()
        if principal is None or not principal.cases or self._is_over:
            return False
        self._sessions = [session for session in self._sessions if not session.is_over]
        if len(self._sessions) >= _MAX_SESSIONS:
            return False
        [case_number] = principal.cases
        filesystem = CaseFileSystem(
            self._services.uploads,
            self._services.files,
            self._services.clock,
            principal=principal,
            case_number=case_number,
        )
        session = SftpSession(filesystem, self._live.tasks)
        self._sessions.append(session)
        return session

    def _principal(self) -> Principal | None:
        """Return who signed in, under the user name for which the connection was accepted."""
        if self._signed_in is None or self._connection is None:
            return None
        username, principal = self._signed_in
        accepted = self._connection.get_extra_info("username")
        return principal if username == accepted == principal.name else None

    async def _live_by(self, account_id: AccountId) -> None:
        try:
            end = await self._services.accounts.ended(account_id)
        except Exception:  # noqa: BLE001 - who can't be watched doesn't stay
            _log.exception("sftp-account-not-watched", account=account_id)
            self.end("The account can't be checked now: connect again in a moment.")
        else:
            _log.info("sftp-account-ended", account=account_id, end=end.value)
            self.end(_FAREWELLS[end])
