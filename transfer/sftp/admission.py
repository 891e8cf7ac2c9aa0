"""Who may connect: asked of each new connection before it costs anything.

Nobody is who is banned. There is a bound on all connections, and on those of one client. Of those
that haven't signed in fewer and fewer are taken the more of them there are, so that somebody who
opens many and says nothing shuts nobody out for certain.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

import structlog

from transfer.core.bans import network_of, parse_ip
from transfer.ports import Clock

_log = structlog.get_logger(__name__)

_FIRST_CHANCE = 0.3
"""Of a new connection to be refused, where shedding begins; it grows to 1 from there."""

_LOG_EVERY_SECONDS = 10.0
_MOST_CLIENTS = 10_000


class Refusal(StrEnum):
    """Why a connection isn't taken."""

    BANNED = "banned"
    FULL = "full"
    CLIENT_FULL = "client-full"
    STRANGER = "stranger"
    SHED = "shed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """How many connections one process takes.

    `unsigned`: at most so many that haven't signed in; from half of them on some are refused at
    random. `strangers` of one client may leave without having signed in; then it has as many more
    as `strangers_per_second` gives back. Behind the networks of `trusted` there are many clients
    with one address: there that isn't counted.
    """

    connections: int = 1024
    per_client: int = 512
    unsigned: int = 1024
    strangers: int = 100
    strangers_per_second: float = 5.0
    trusted: Collection[IPv4Network | IPv6Network] = ()


@dataclass(slots=True)
class _Client:
    """What is known of one address, or one /64."""

    connections: int = 0
    strangers: float = 0.0
    counted_at: float = 0.0


@dataclass(slots=True, eq=False)
class Seat:
    """A connection's place; it is given back by `leave`."""

    client: str
    _leave: Callable[["Seat"], None]
    has_signed_in: bool = False
    is_taken: bool = True

    def leave(self) -> None:
        """Give it back; again does no harm."""
        if self.is_taken:
            self.is_taken = False
            self._leave(self)


@dataclass(slots=True)
class _Refusals:
    """Refusals that weren't logged yet."""

    logged_at: float | None = None
    counts: dict[Refusal, int] = field(default_factory=dict)


class Admission:
    """The seats of one process."""

    def __init__(
        self,
        clock: Clock,
        policy: AdmissionPolicy | None = None,
        *,
        is_banned: Callable[[str | None], bool] = lambda _: False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._policy = policy or AdmissionPolicy()
        self._is_banned = is_banned
        self._chance = chance
        self._clients: dict[str, _Client] = {}
        self._connections = 0
        self._unsigned = 0
        self._refusals = _Refusals()

    @property
    def unsigned(self) -> int:
        """How many connections haven't signed in."""
        return self._unsigned

    def enter(self, address: str | None) -> Seat | None:
        """Return a seat for a connection from `address`, None if there is none."""
        client = _client_of(address)
        refusal = self._refusal(address, client)
        if refusal is not None:
            self._tell(refusal)
            return None
        self._clients.setdefault(client, _Client()).connections += 1
        self._connections += 1
        self._unsigned += 1
        return Seat(client, self._left)

    def sign_in(self, seat: Seat) -> None:
        """Take note that somebody has signed in; their client is a stranger no more."""
        if seat.is_taken and not seat.has_signed_in:
            seat.has_signed_in = True
            self._unsigned -= 1
            self._clients[seat.client].strangers = 0.0

    def _left(self, seat: Seat) -> None:
        known = self._clients[seat.client]
        known.connections -= 1
        self._connections -= 1
        if not seat.has_signed_in:
            self._unsigned -= 1
            known.strangers = self._strangers(known) + 1
            known.counted_at = self._clock.monotonic()
        if not known.connections and not known.strangers:
            del self._clients[seat.client]
        elif len(self._clients) > _MOST_CLIENTS:
            self._forget()

    def _refusal(self, address: str | None, client: str) -> Refusal | None:
        policy, known = self._policy, self._clients.get(client)
        if self._is_banned(address):
            return Refusal.BANNED
        if self._connections >= policy.connections:
            return Refusal.FULL
        if known is not None:
            if known.connections >= policy.per_client:
                return Refusal.CLIENT_FULL
            if self._strangers(known) >= policy.strangers and not self._is_trusted(address):
                return Refusal.STRANGER
        return Refusal.SHED if self._is_shed() else None

    def _is_trusted(self, address: str | None) -> bool:
        parsed = parse_ip(address)
        return parsed is not None and any(parsed in network for network in self._policy.trusted)

    def _is_shed(self) -> bool:
        begin, full = self._policy.unsigned / 2, self._policy.unsigned
        if self._unsigned < begin:
            return False
        crowding = (self._unsigned - begin) / (full - begin)
        return self._chance() < _FIRST_CHANCE + (1 - _FIRST_CHANCE) * crowding

    def _strangers(self, known: _Client) -> float:
        given_back = (
            self._clock.monotonic() - known.counted_at
        ) * self._policy.strangers_per_second
        return max(0.0, known.strangers - given_back)

    def _forget(self) -> None:
        """Forget the clients of whom nothing is left to know."""
        self._clients = {
            name: known
            for name, known in self._clients.items()
            if known.connections or self._strangers(known)
        }

    def _tell(self, refusal: Refusal) -> None:
        """Log refusals, not more often than anybody reads."""
        refusals, now = self._refusals, self._clock.monotonic()
        refusals.counts[refusal] = refusals.counts.get(refusal, 0) + 1
        if refusals.logged_at is None or now - refusals.logged_at >= _LOG_EVERY_SECONDS:
            counts = {reason.value: count for reason, count in refusals.counts.items()}
            _log.warning("sftp.connections-refused", **counts)
            self._refusals = _Refusals(logged_at=now)


def _client_of(address: str | None) -> str:
    return str(network_of(address) or address)
