"""Failed attempts to get in: counted by where they come from, slowed down, and noted."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer.core.access import Door
from transfer.core.bans import Network, network_of
from transfer.core.cases import CaseNumber
from transfer.core.errors import TooManyAttemptsError
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent, CredentialKind, Failures

_NOBODY = "unknown"
_MOST_DOUBLINGS = 20
_NAME_DIGITS = 16


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
    """One failed attempt; `reason` is for the audit log, never for whoever failed.

    `name` is that of an account, there or not, if one was given: failures for a name are counted
    together, wherever they come from.
    """

    kind: CredentialKind
    address: str | None
    reason: str
    name: str | None = None
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
        now, sources = self._tools.clock.now(), _sources(failure)
        before = await self._records.failures(failure.kind, sources)
        wait = max((_wait(one, now) for one in before.values()), default=timedelta(0))
        if wait > timedelta(0):
            raise TooManyAttemptsError(_seconds(wait))
        forgotten = now - self._policy.forgotten_after
        counts = {
            source: await self._records.count(failure.kind, source, now, forgotten)
            for source in sources
        }
        await self._note(failure, max(counts.values()))
        delays = {source: self._delay(count) for source, count in counts.items()}
        for source, delay in delays.items():
            if delay > timedelta(0):
                await self._records.delay(failure.kind, source, now + delay)
        if max(delays.values()) > timedelta(0):
            raise TooManyAttemptsError(_seconds(max(delays.values())))

    async def forgive(self, kind: CredentialKind, address: str | None, name: str) -> None:
        """Forget the failures from `address` and for `name`: somebody has got in.

        So nobody waits, or is banned, for what they mistype over the days.
        """
        sources = (source_of(address), _source_of_name(name))
        if await self._records.failures(kind, sources):
            await self._records.forgive(kind, sources)

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


def _wait(failures: Failures, now: datetime) -> timedelta:
    """Return how long a source still has to wait."""
    until = failures.wait_until
    return timedelta(0) if until is None else max(until - now, timedelta(0))


def source_of(address: str | None) -> str:
    """Return by what failures from `address` are counted: it, or its network if it is IPv6."""
    if address is None:
        return _NOBODY
    return _text(network_of(address)) or address


def _text(network: Network | None) -> str:
    """Return a network as it is read: an address alone, if it is no more than that."""
    if network is None:
        return ""
    is_one = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_one else network)


def _sources(failure: Failure) -> list[str]:
    """Return by what `failure` is counted."""
    by_address = source_of(failure.address)
    return [by_address] if failure.name is None else [by_address, _source_of_name(failure.name)]


def _source_of_name(name: str) -> str:
    """Return by what failures for a name are counted; its digest: some type a password there."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"name:{digest[:_NAME_DIGITS]}"


def _seconds(delay: timedelta) -> int:
    return math.ceil(delay.total_seconds())
