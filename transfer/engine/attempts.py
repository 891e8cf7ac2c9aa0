"""Failed attempts to get in: counted by where they come from, slowed down, and noted."""

import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta

from transfer.core.access import Door
from transfer.core.cases import CaseNumber
from transfer.core.errors import TooManyAttemptsError
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent, CredentialKind

_NOBODY = "unknown"
_MOST_DOUBLINGS = 20
_NETWORK_BITS = 64
"""Of an IPv6 address: what one subscriber has. Counting by more would count by what they choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicy:
    """How failures are slowed down.

    `free` failures cost nothing but themselves. Each one more doubles the delay, from `first_delay`
    up to `longest_delay`. After `forgotten_after` without a failure a source starts afresh.
    """

    free: int = 10
    first_delay: timedelta = timedelta(seconds=1)
    longest_delay: timedelta = timedelta(minutes=15)
    forgotten_after: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed attempt; `reason` is for the audit log, never for whoever failed."""

    kind: CredentialKind
    address: str | None
    reason: str
    door: Door = Door.HTTP
    subject: str | None = None
    case_number: CaseNumber | None = None
    actor: str = _NOBODY


class Attempts:
    """Counts failures in the records, so that all nodes count together.

    A good credential is never counted nor kept waiting: behind one address there may be a whole
    company, and secrets of 256 bits aren't found by trying.
    """

    def __init__(self, tools: Tools, policy: AttemptPolicy | None = None) -> None:
        self._tools = tools
        self._records = tools.records.attempts
        self._policy = policy or AttemptPolicy()

    async def failed(self, failure: Failure) -> None:
        """Count `failure` and note it, unless its source has to wait: that was noted already.

        So neither rows nor events grow with the speed of somebody who tries.

        Raises:
            TooManyAttemptsError: the source has to wait from now on, or still.
        """
        now, source = self._tools.clock.now(), source_of(failure.address)
        before = await self._records.failures(failure.kind, source)
        if before is not None and before.wait_until is not None and now < before.wait_until:
            raise TooManyAttemptsError(_seconds(before.wait_until - now))
        forgotten = now - self._policy.forgotten_after
        count = await self._records.count(failure.kind, source, now, forgotten)
        await self._note(failure, count)
        delay = self._delay(count)
        if delay > timedelta(0):
            await self._records.delay(failure.kind, source, now + delay)
            raise TooManyAttemptsError(_seconds(delay))

    async def forget_old(self) -> int:
        """Delete the counters that mean nothing any more; return how many."""
        return await self._records.forget(self._tools.clock.now() - self._policy.forgotten_after)

    def _delay(self, count: int) -> timedelta:
        excess = count - self._policy.free
        if excess <= 0:
            return timedelta(0)
        factor = 1 << min(excess - 1, _MOST_DOUBLINGS)
        return min(self._policy.first_delay * factor, self._policy.longest_delay)

    async def _note(self, failure: Failure, count: int) -> None:
        event = AuditEvent(
            at=self._tools.clock.now(),
            action=f"{failure.kind}.refused",
            actor=failure.actor,
            case_number=failure.case_number,
            subject=failure.subject,
            door=failure.door,
            address=failure.address,
            details={"reason": failure.reason, "failures": count},
        )
        await self._tools.records.audit.record(event)


def source_of(address: str | None) -> str:
    """Return by what failures from `address` are counted: it, or its network if it is IPv6."""
    if address is None:
        return _NOBODY
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))


def _seconds(delay: timedelta) -> int:
    return math.ceil(delay.total_seconds())
