"""What an operator may set of the HTTP door, and the collaborators that its routes share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from transfer.core.parts import MAX_FILE_BYTES
from transfer.core.retention import PERIOD
from transfer.engine.account_terms import AccountTermsDesk
from transfer.engine.accounts import Accounts
from transfer.engine.acknowledgements import Acknowledgements
from transfer.engine.archive import Archives
from transfer.engine.attempts import Attempts
from transfer.engine.bans import Bans
from transfer.engine.case_events import CaseEvents
from transfer.engine.deletion_receipts import DeletionReceipts
from transfer.engine.files import Files
from transfer.engine.launches import Launches
from transfer.engine.oidc import StaffSignIn
from transfer.engine.oversight import Oversight
from transfer.engine.previews import Previews
from transfer.engine.receipts import Receipts
from transfer.engine.sessions import Sessions
from transfer.engine.timelines import Timelines
from transfer.engine.tokens import Tokens
from transfer.engine.uploads import Uploads
from transfer.http.proxies import NO_PROXIES, Proxies
from transfer.ports import CaseDesk, CaseInbox, Clock

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpAddress:
    """Where the SFTP door is, as it is shown to people: fingerprints like `SHA256:…`.

    `host_keys` are the public keys themselves, each as it stands in a known_hosts file.
    """

    host: str
    port: int
    fingerprints: tuple[str, ...] = ()
    host_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPolicy:
    """Limits and times of the HTTP door.

    `public_url` is where clients find the service, if a proxy puts it below a path. `portal_url` is
    where customers get their links, `staff_sign_in` the path at which Customer Care signs in.
    `proxies`: those in front who tell whose request it is. `max_field_bytes` must hold
    the metadata of a path of 4,096 bytes, in Base64 and twice. `idle` is how long a sender may
    pause within a body; one that sends less than `min_bytes_per_second` is given up after
    `rate_grace`. Both count only while the service waits for the sender. `stalled_write` is how
    long a receiver may take nothing. `lingering` is how long what is left of a refused body is read
    and dropped, so that its sender gets to see the answer. `stop_grace` is what running requests
    have to end in, and once more to be cancelled in, when the server stops. `head` is how long a
    request's head may take from its first byte, or from the connection's begin; `handshake`, that
    of TLS. Connections are counted a process, and a place that they come from. `hsts`
    is how long browsers are told to come by TLS alone; None, and they aren't. `redirect_lifetime`
    is for how long a URL of the store gives a file, where downloads may be sent there; else None.
    `heartbeat` is after how long an events stream shows that it lives; streams are counted a
    process, and a token or session. `straight_bytes` is what must be left of a body of known length
    for it to go past the parser, which ends its connection.
    """

    public_url: str | None = None
    sftp: SftpAddress | None = None
    max_file_bytes: int = MAX_FILE_BYTES
    retention: timedelta = PERIOD
    proxies: Proxies = NO_PROXIES
    cors_origins: frozenset[str] = frozenset()
    portal_url: str | None = None
    staff_sign_in: str | None = None
    hsts: timedelta | None = None

    max_line_bytes: int = 8 * KIB
    max_field_bytes: int = 32 * KIB
    max_fields: int = 100
    max_head_bytes: int = 64 * KIB
    max_json_bytes: int = MIB
    max_connections: int = 4096
    max_connections_per_client: int = 512
    max_requests_per_client: int = 256
    max_requests_per_case: int = 512

    idle: timedelta = timedelta(seconds=60)
    min_bytes_per_second: int = KIB
    rate_grace: timedelta = timedelta(seconds=30)
    stalled_write: timedelta = timedelta(seconds=120)
    keep_alive: timedelta = timedelta(seconds=75)
    lingering: timedelta = timedelta(seconds=5)
    stop_grace: timedelta = timedelta(seconds=3)
    head: timedelta = timedelta(seconds=20)
    handshake: timedelta = timedelta(seconds=10)
    write_buffer_bytes: int = 2 * MIB
    straight_bytes: int = 64 * MIB
    redirect_lifetime: timedelta | None = None
    heartbeat: timedelta = timedelta(seconds=15)
    max_streams: int = 1000
    max_streams_per_credential: int = 8


Readiness = Callable[[], Awaitable[Sequence[str]]]
"""Returns what the service still waits for, by name; nothing when it is ready."""


async def always_ready() -> Sequence[str]:
    """Wait for nothing."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the routes call.

    `desk` is there only where the case core is run from here, `staff` where they can sign in,
    `inbox` where another case core sends events.
    """

    uploads: Uploads
    files: Files
    archives: Archives
    previews: Previews
    accounts: Accounts
    tokens: Tokens
    acknowledgements: Acknowledgements
    receipts: Receipts
    attempts: Attempts
    bans: Bans
    sessions: Sessions
    launches: Launches
    events: CaseEvents
    timelines: Timelines
    oversight: Oversight
    account_terms: AccountTermsDesk
    deletion_receipts: DeletionReceipts
    clock: Clock
    staff: StaffSignIn | None = None
    inbox: CaseInbox | None = None
    desk: CaseDesk | None = None
    ready: Readiness = always_ready
    policy: HttpPolicy


def public_path(policy: HttpPolicy, path: str) -> str:
    """Return `path` as browsers ask for it: behind the prefix that a proxy may have put us at."""
    return urlsplit(policy.public_url or "").path.rstrip("/") + path
