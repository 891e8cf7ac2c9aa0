"""Events of another case core on their way in: signed, taken once, followed in any order.

An event is only a reason to look at its case: what it says of that is not believed, the core is
asked. So an event that is late, doubled, out of order or made up changes nothing, and a lost one is
made up for by the next, or by the reconciler.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from transfer.casebridge.signatures import SigningKeys
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    InvalidRequestError,
    NotSignedInError,
    TransferError,
)
from transfer.ports import CaseMirror, CaseNews, Clock, Measure, Meter, NoMeter, Records
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_POLL = timedelta(seconds=5)
_APART = timedelta(milliseconds=100)
_BATCH = 200
_CLAIM = timedelta(minutes=2)
_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=5)
_MOST_DOUBLINGS = 20
_MOST_FAILURES = 50
"""After these, hours, an event is followed once a day."""

_RARELY = timedelta(days=1)

_LAGS = "not-there-yet"
_KEPT = timedelta(days=7)
_HIGHEST_VERSION = 2**53 - 1

TAKEN = Measure("case_events_taken", "Events of the case core that were taken in")
DOUBLED = Measure("case_events_doubled", "Events of the case core that had been taken in before")
REFUSED = Measure("case_events_refused", "Requests with events that weren't taken", ("reason",))
FOLLOWED = Measure("case_events_followed", "Events of the case core that were followed")
FAILED = Measure("case_events_failed", "Tries to follow an event of the case core that failed")
WAITING = Measure("case_events_waiting", "Events of the case core that wait to be followed")


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    version: Annotated[int, Field(ge=0, le=_HIGHEST_VERSION)] | None = None


class _Event(BaseModel):
    """What is read of a CloudEvent; whatever else it has is left out."""

    model_config = ConfigDict(extra="ignore", strict=True)

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    type: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    subject: Annotated[str, Field(pattern=r"^[0-9]{10}$")]
    data: _Told | None = None


class SignedInbox:
    """Takes signed events into the records; plays the role `transfer.ports.CaseInbox`.

    `wake` has them followed at once.
    """

    def __init__(
        self,
        *,
        records: Records,
        keys: SigningKeys,
        clock: Clock,
        wake: Callable[[], None],
        meter: Meter | None = None,
    ) -> None:
        self._inbox = records.inbox
        self._keys = keys
        self._clock = clock
        self._wake = wake
        self._meter = meter or NoMeter()

    async def receive(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Take an event in; False if it was taken before. See the port."""
        now = self._clock.now()
        try:
            message_id = self._keys.check(headers, body, now)
        except NotSignedInError:
            self._meter.count(REFUSED, reason="signature")
            _log.warning("case-events.refused", reason="signature")
            raise
        try:
            event = _Event.model_validate_json(body)
        except ValidationError as exc:
            self._meter.count(REFUSED, reason="form")
            _log.warning("case-events.refused", reason="form")
            raise InvalidRequestError(_faults(exc)) from exc
        news = CaseNews(
            id=message_id,
            type=event.type,
            case_number=CaseNumber(event.subject),
            version=event.data.version if event.data else None,
            received_at=now,
        )
        is_new = await self._inbox.put(news)
        self._meter.count(TAKEN if is_new else DOUBLED)
        if is_new:
            self._wake()
        return is_new


class InboxReader:
    """Follows events that were taken in: asks the core for their cases. Any number may run.

    Those of a case are followed by one question. One that fails is put again later.
    """

    def __init__(
        self, *, records: Records, mirror: CaseMirror, clock: Clock, meter: Meter | None = None
    ) -> None:
        self._inbox = records.inbox
        self._known = records.known_cases
        self._mirror = mirror
        self._clock = clock
        self._meter = meter or NoMeter()
        self._rounds = Rounds(clock=clock, every=_POLL, apart=_APART)

    def wake(self) -> None:
        """Have a round at once: an event has come."""
        self._rounds.wake()

    def stop(self) -> None:
        """Begin nothing new; `run` returns after the case at hand."""
        self._rounds.stop()

    async def run(self) -> None:
        """Follow events until stopped, whatever goes wrong meanwhile."""
        while not self._rounds.stopping:
            try:
                await self.run_once()
                self._meter.show(WAITING, await self._inbox.waiting())
            except Exception:  # noqa: BLE001 -- the worker's outermost boundary: it goes on later
                _log.exception("case-events.round-failed")
            await self._rounds.pause()

    async def run_once(self) -> int:
        """Follow all events that are due; return how many of them are done with."""
        done = 0
        await self._inbox.forget(self._clock.now() - _KEPT)
        while not self._rounds.stopping:
            now = self._clock.now()
            news = await self._inbox.claim(now, now + _CLAIM, _BATCH)
            by_case: dict[CaseNumber, list[CaseNews]] = {}
            for one in news:
                by_case.setdefault(one.case_number, []).append(one)
            for number, of_case in by_case.items():
                if self._is_stopping():
                    break
                done += await self._follow(number, of_case)
            if not news:
                break
        return done

    def _is_stopping(self) -> bool:
        return self._rounds.stopping

    async def _follow(self, number: CaseNumber, news: Sequence[CaseNews]) -> int:
        """Have what is known of a case be what its core says now; return how many are done with."""
        wanted = max((one.version or 0 for one in news), default=0)
        has_versions = all(one.version is not None for one in news)
        known = await self._version_known(number)
        try:
            if known is not None and not (has_versions and wanted <= known):
                await self._mirror.case(number, fresh=True)
                known = await self._version_known(number)
        except CaseMissingError:
            known = None  # nothing is kept of it here either
        except TransferError as exc:
            return await self._fail(news, exc.code, getattr(exc, "retry_after", None))
        if known is None:
            return await self._finish(news)
        done = [one for one in news if (one.version or 0) <= known]
        late = [one for one in news if (one.version or 0) > known]
        if late:  # the event came from one part of the core, the answer from another that lags
            await self._fail(late, _LAGS)
        return await self._finish(done)

    async def _version_known(self, number: CaseNumber) -> int | None:
        """Return the version of a case that the core told last; None if nothing is known of it."""
        known = await self._known.find(number)
        return None if known is None else known.version or 0

    async def _is_needless(self, number: CaseNumber, error: str) -> bool:
        """Whether following an event that fails may end: nothing depends on it any more.

        Not while there is data, that would be kept for ever if this was the news of its closure.
        """
        known = await self._known.find(number)
        return error == _LAGS or known is None or known.case.purged_at is not None

    async def _finish(self, news: Sequence[CaseNews]) -> int:
        if news:
            await self._inbox.done([one.id for one in news], self._clock.now())
            self._meter.count(FOLLOWED, len(news))
        return len(news)

    async def _fail(
        self, news: Sequence[CaseNews], error: str, retry_after: timedelta | None = None
    ) -> int:
        self._meter.count(FAILED, len(news))
        ids = [one.id for one in news]
        failures = max(one.failures for one in news) + 1
        log = _log.bind(case=news[0].case_number, events=len(ids), error=error)
        if failures >= _MOST_FAILURES and await self._is_needless(news[0].case_number, error):
            log.error("case-events.given-up", failures=failures)
            return await self._finish(news)
        delay = max(_delay(failures), retry_after or timedelta())
        log.warning("case-events.not-followed", retry_in_seconds=delay.total_seconds())
        await self._inbox.retry(ids, self._clock.now() + delay, error)
        return 0


def _delay(failures: int) -> timedelta:
    if failures >= _MOST_FAILURES:
        return _RARELY
    doubled: timedelta = _FIRST_DELAY * 2 ** min(failures - 1, _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_DELAY)


def _faults(error: ValidationError) -> str:
    """Say where an event is wrong, and never what it has there."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    places = sorted({".".join(map(str, fault["loc"])) or "body" for fault in faults})
    return f"Send a CloudEvent 1.0 in JSON, with a case's number as subject: {', '.join(places)}."
