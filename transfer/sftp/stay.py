"""Somebody's stay, from signing in to the end of their connection: what it came to."""

from typing import Protocol

from asyncssh import SSHServerConnection

from transfer.core.access import Principal
from transfer.engine.visits import Visit, Visits
from transfer.ports import Clock
from transfer.sftp.journal import Journal
from transfer.sftp.wire import wire_bytes

_SIGNS_OF_LIFE_BYTES = 1024
"""A round in which less is carried has seen no transfer: keepalives of both sides take some."""

_LONGEST_NAME = 100


class Noting(Protocol):
    """As much of the services as a stay is noted with."""

    @property
    def visits(self) -> Visits:
        """Where it is noted."""

    @property
    def clock(self) -> Clock:
        """How long it takes."""


class Stay:
    """One connection's stay."""

    def __init__(
        self,
        principal: Principal,
        journal: Journal,
        services: Noting,
        connection: SSHServerConnection | None,
    ) -> None:
        self.journal = journal
        self.quiet_rounds = 0
        self._principal = principal
        self._visits, self._clock = services.visits, services.clock
        self._began = self._clock.monotonic()
        self._socket = connection.get_extra_info("socket") if connection else None
        self._client = _printable(connection.get_extra_info("client_version") if connection else "")
        self._end: str | None = None
        self._seen = self._carried()

    def ends(self, word: str) -> None:
        """Say why it ends; who says so first knows."""
        if self._end is None:
            self._end = word

    def look(self) -> None:
        """Count rounds in which nothing was asked or done and nothing to speak of was carried.

        The client of a long hash or copy waits in silence.
        """
        before, self._seen = self._seen, self._carried()
        asked, carried = (now - then for now, then in zip(self._seen, before, strict=True))
        is_quiet = not (asked or self.journal.ongoing) and carried < _SIGNS_OF_LIFE_BYTES
        self.quiet_rounds = self.quiet_rounds + 1 if is_quiet else 0

    async def note_end(self) -> None:
        """Note the end in the audit log."""
        journal = self.journal
        await self._visits.ended(
            self._principal,
            Visit(
                seconds=self._clock.monotonic() - self._began,
                received=journal.traffic.received,
                sent=journal.traffic.sent,
                end=self._end or "left",
                client=self._client,
                requests=dict(sorted(journal.requests.items())),
                failures=journal.failures,
            ),
        )

    def _carried(self) -> tuple[int, int]:
        """Return how many requests there were, and bytes on the wire, so far."""
        traffic = self.journal.traffic
        carried = wire_bytes(self._socket)
        if carried is None:
            carried = traffic.received + traffic.sent
        return self.journal.requests.total(), carried


def _printable(text: str | None) -> str:
    """Return what a client calls itself, as far as it can be shown."""
    return "".join(one for one in (text or "")[:_LONGEST_NAME] if one.isprintable())
