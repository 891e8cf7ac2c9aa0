"""Bans: who goes on guessing isn't listened to for a while, nor whom an admin has banned."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from transfer.core.access import Action, Door, Principal, authorise_at_large
from transfer.core.bans import Ban, BanList, Network, network_of
from transfer.core.errors import InvalidRequestError, TransferError
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent

_log = structlog.get_logger(__name__)

_SERVICE = "service"
_SETTINGS = "settings"
_LONGEST_REASON = 500
_MOST_HELD = 10_000
_MOST_WATCHED = 10_000
LONGEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True, kw_only=True)
class BanPolicy:
    """When the service bans by itself, and whom it always or never does.

    A source that has to wait after failures, and has failed `after` times more within `within`
    without waiting, is banned for `lifetime`; `after` 0 is never.
    """

    after: int = 20
    within: timedelta = timedelta(hours=1)
    lifetime: timedelta = timedelta(hours=1)
    always: tuple[Network, ...] = ()
    never: tuple[Network, ...] = ()


class Bans:
    """The bans as this process knows them; it looks for those of others at each round."""

    def __init__(self, tools: Tools, policy: BanPolicy | None = None) -> None:
        self._tools = tools
        self._records = tools.records.bans
        self._policy = policy or BanPolicy()
        now = tools.clock.now()
        self._always = [_always(network, now) for network in self._policy.always]
        self._list = self._listed([])
        self._insistence: dict[Network, tuple[int, datetime]] = {}

    def covers(self, address: str | None) -> bool:
        """Whether nobody from `address` is let in; as fast as a look into a dictionary."""
        return self._list.covering(address, self._tools.clock.now()) is not None

    async def insisted(self, address: str | None) -> bool:
        """Take note that somebody failed who had been told to wait; tell whether that was enough.

        It is counted by each process for itself.
        """
        source = network_of(address)
        if source is None or not self._policy.after or self._list.spares(address):
            return False
        if self._counted(source) < self._policy.after:
            return False
        del self._insistence[source]
        now = self._tools.clock.now()
        until = now + self._policy.lifetime
        await self._place(source, until, "too many failed sign-ins", None)
        return self.covers(address)

    async def place(
        self,
        principal: Principal,
        network: Network,
        *,
        reason: str,
        lifetime: timedelta | None = None,
    ) -> Ban:
        """Ban `network` for `lifetime`, None is until somebody lifts it.

        Who is signed in stays so: revoke their account to end that.

        Raises:
            ForbiddenError: they may not.
            InvalidRequestError: no reason, or no time that is meant.
        """
        authorise_at_large(principal, Action.MANAGE_BANS)
        if not reason.strip() or not reason.isprintable() or len(reason) > _LONGEST_REASON:
            raise InvalidRequestError(f"A reason is a line of 1 to {_LONGEST_REASON} characters.")
        if lifetime is not None and not timedelta(0) < lifetime <= LONGEST:
            raise InvalidRequestError("A ban lasts longer than nothing, and at most ten years.")
        until = None if lifetime is None else self._tools.clock.now() + lifetime
        return await self._place(network, until, reason, principal)

    async def page(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[Ban], str | None]:
        """Return a page of the bans that hold, the latest first; those of settings aren't rows.

        Raises:
            ForbiddenError: they may not.
            InvalidRequestError: `after` is not a cursor from here.
        """
        authorise_at_large(principal, Action.MANAGE_BANS)
        return await self._records.page(self._tools.clock.now(), after=after, limit=limit)

    async def lift(self, principal: Principal, ban_id: str) -> Ban:
        """End a ban, within `watch_interval` on every node.

        Raises:
            ForbiddenError: they may not.
            MissingError: no such ban.
        """
        authorise_at_large(principal, Action.MANAGE_BANS)
        lifted = await self._records.lift(ban_id, self._event("ban.lifted", ban_id, principal))
        await self.watch_once()
        return lifted

    async def watch(self) -> None:
        """Learn of the bans that others place and lift, round after round, until cancelled."""
        while True:
            try:
                await self.watch_once()
            except TransferError as exc:
                _log.warning("bans-not-watched", problem=exc.code)
            await self._tools.clock.sleep(self._tools.policy.watch_interval.total_seconds())

    async def watch_once(self) -> None:
        """Do one round."""
        self._list = self._listed(await self._records.holding(self._tools.clock.now(), _MOST_HELD))

    async def forget_old(self) -> int:
        """Delete the rows of bans that have ended; return how many."""
        return await self._records.forget(self._tools.clock.now())

    async def _place(
        self, network: Network, until: datetime | None, reason: str, by: Principal | None
    ) -> Ban:
        ban = Ban(
            id=self._tools.new_id(),
            network=network,
            reason=reason,
            banned_by=by.name if by else _SERVICE,
            since=self._tools.clock.now(),
            until=until,
        )
        details = {
            "network": str(network),
            "reason": reason,
            "until": until.isoformat() if until else None,
        }
        event = self._event("ban.placed", ban.id, by, **details)
        placed = await self._records.put(ban, event)
        await self.watch_once()
        _log.warning("ban.placed", ban=placed.id)
        return placed

    def _event(
        self, action: str, ban_id: str, by: Principal | None, **details: object
    ) -> AuditEvent:
        return AuditEvent(
            at=self._tools.clock.now(),
            action=action,
            actor=by.name if by else _SERVICE,
            subject=ban_id,
            door=by.door if by else Door.SFTP,
            address=by.address if by else None,
            details=details,
        )

    def _counted(self, source: Network) -> int:
        """Count one more failure of `source`, and return how many there are."""
        now = self._tools.clock.now()
        count, since = self._insistence.pop(source, (0, now))
        if now - since > self._policy.within:
            count, since = 0, now
        self._insistence[source] = (count + 1, since)
        if len(self._insistence) > _MOST_WATCHED:
            del self._insistence[next(iter(self._insistence))]
        return count + 1

    def _listed(self, bans: list[Ban]) -> BanList:
        return BanList([*bans, *self._always], never=self._policy.never)


def _always(network: Network, now: datetime) -> Ban:
    return Ban(
        id=_SETTINGS,
        network=network,
        reason=_SETTINGS,
        banned_by=_SETTINGS,
        since=now,
        until=None,
    )
