"""What an operator may set of the HTTP door, and the collaborators that its routes share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from transfer.core.parts import MAX_FILE_BYTES
from transfer.core.retention import PERIOD
from transfer.engine.accounts import Accounts
from transfer.engine.files import Files
from transfer.engine.tokens import Tokens
from transfer.engine.uploads import Uploads
from transfer.ports import CaseDesk, Clock

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpAddress:
    """Where the SFTP door is, as it is shown to people: fingerprints like `SHA256:…`."""

    host: str
    port: int
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPolicy:
    """Limits and times of the HTTP door.

    `public_url` is where clients find the service, if a proxy puts it below a path.
    `trust_forwarded_for`: a proxy in front tells whose request it is. `max_field_bytes` must hold
    the metadata of a path of 4,096 bytes, in Base64 and twice. `idle` is how long a sender may
    pause within a body; one that sends less than `min_bytes_per_second` is given up after
    `rate_grace`. Both count only while the service waits for the sender. `stalled_write` is how
    long a receiver may take nothing. `lingering` is how long what is left of a refused body is read
    and dropped, so that its sender gets to see the answer. `stop_grace` is what running requests
    have to end in, and once more to be cancelled in, when the server stops.
    """

    public_url: str | None = None
    sftp: SftpAddress | None = None
    max_file_bytes: int = MAX_FILE_BYTES
    retention: timedelta = PERIOD
    trust_forwarded_for: bool = False

    max_line_bytes: int = 8 * KIB
    max_field_bytes: int = 32 * KIB
    max_fields: int = 100
    max_json_bytes: int = MIB

    idle: timedelta = timedelta(seconds=60)
    min_bytes_per_second: int = KIB
    rate_grace: timedelta = timedelta(seconds=30)
    stalled_write: timedelta = timedelta(seconds=120)
    keep_alive: timedelta = timedelta(seconds=75)
    lingering: timedelta = timedelta(seconds=5)
    stop_grace: timedelta = timedelta(seconds=3)
    write_buffer_bytes: int = MIB


Readiness = Callable[[], Awaitable[Sequence[str]]]
"""Returns what the service still waits for, by name; nothing when it is ready."""


async def always_ready() -> Sequence[str]:
    """Wait for nothing."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the routes call. `desk` is there only where the case core is run from here."""

    uploads: Uploads
    files: Files
    accounts: Accounts
    tokens: Tokens
    clock: Clock
    desk: CaseDesk | None = None
    ready: Readiness = always_ready
    policy: HttpPolicy
