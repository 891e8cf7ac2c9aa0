"""Watches on cases: what is told, to whom, in which order, and when it ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.engine_room import ANALYST, NUMBER, EngineRoom, chunks, customer, cut, engine_room
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    RecordsUnavailableError,
    ShuttingDownError,
)
from transfer.core.events import EventKind, Noted
from transfer.core.names import CasePath
from transfer.engine.beginnings import FileToSend
from transfer.engine.case_events import CaseEvents, EventPolicy
from transfer.engine.watches import Ending, Told, Watch
from transfer.ports import AuditEvent


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path) as room:
        yield room


def events_of(room: EngineRoom, **policy: int) -> CaseEvents:
    return CaseEvents(room.tools, EventPolicy(**policy))  # type: ignore[arg-type]  # counts alone


async def note(room: EngineRoom, *actions: str, number: str = NUMBER) -> None:
    for action in actions:
        await room.records.audit.record(
            AuditEvent(
                at=room.clock.now(),
                action=action,
                actor="somebody",
                case_number=CaseNumber(number),
                subject="id",
            )
        )


async def kinds(watch: Watch) -> list[str]:
    """Return what is told next; `reset` where all is to be read anew."""
    return [_kind(told) for told in await asyncio.wait_for(watch.next(), 5)]


def _kind(told: Told) -> str:
    return "reset" if told.happening is None else told.happening.kind.value


async def round_of(room: EngineRoom, events: CaseEvents, seconds: float = 3) -> None:
    room.clock.advance(seconds)
    await events.watch_once()


async def test_the_first_is_told_to_read_all_and_then_what_happens(room: EngineRoom) -> None:
    events = events_of(room)
    async with events.watching(customer(), NUMBER) as watch:
        assert await kinds(watch) == ["reset"]
        await note(room, "file.downloaded", "file.removed")
        await note(room, "file.removed", number="0000000077")
        await round_of(room, events)
        assert await kinds(watch) == ["file.removed"]
    assert events.watchers == 0
    await events.watch_once()


async def test_who_comes_again_goes_on_behind_the_last_they_were_told(room: EngineRoom) -> None:
    events = events_of(room)
    async with events.watching(customer(), NUMBER) as watch:
        [first] = await watch.next()
    await note(room, "file.removed", "case.closed")
    async with events.watching(customer(), NUMBER, after=str(first.cursor)) as watch:
        told = await watch.next()
        assert [_kind(one) for one in told] == ["file.removed", "case.closed"]
    async with events.watching(customer(), NUMBER, after=str(told[0].cursor)) as watch:
        assert await kinds(watch) == ["case.closed"]


async def test_what_happened_in_too_great_a_number_is_not_replayed(room: EngineRoom) -> None:
    events = events_of(room, replayed=2)
    await note(room, "file.removed", "file.removed", "file.removed")
    async with events.watching(customer(), NUMBER, after="0") as watch:
        assert await kinds(watch) == ["reset"]


async def test_many_entries_are_read_page_by_page(room: EngineRoom) -> None:
    events = events_of(room, page=2, pages_a_round=2)
    async with events.watching(customer(), NUMBER) as watch:
        await watch.next()
        await note(room, *["file.removed"] * 5)
        await round_of(room, events)
        assert len(await watch.next()) == 4
        await round_of(room, events)
        assert len(await watch.next()) == 1


async def test_an_entry_that_comes_late_is_told_and_no_cursor_has_passed_it(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = events_of(room)
    feed, hidden = _LateFeed(room), {0}
    monkeypatch.setattr(events, "_feed", feed)
    async with events.watching(customer(), NUMBER) as watch:
        await watch.next()
        await note(room, "file.removed", "case.closed")
        hidden = {await room.records.feed.last() - 1}
        feed.hidden = hidden
        await round_of(room, events)
        [closed] = await watch.next()
        assert _kind(closed) == "case.closed"
        assert closed.cursor is not None
        assert closed.cursor < min(hidden)
        feed.hidden = set()
        await round_of(room, events)
        [late] = await watch.next()
        assert _kind(late) == "file.removed"


class _LateFeed:
    """A feed of which some entries aren't committed yet."""

    def __init__(self, room: EngineRoom) -> None:
        self._feed = room.records.feed
        self.hidden: set[int] = set()
        self.underway = self._feed.underway
        self.of_case = self._feed.of_case
        self.last = self._feed.last

    async def since(self, number: int, limit: int) -> list[Noted]:
        return self._shown(await self._feed.since(number, limit))

    async def these(self, numbers: list[int]) -> list[Noted]:
        return self._shown(await self._feed.these(numbers))

    def _shown(self, noted: list[Noted]) -> list[Noted]:
        return [one for one in noted if one.number not in self.hidden]


async def test_a_sender_is_told_of_as_they_are(room: EngineRoom) -> None:
    events = events_of(room)
    await note(room, "file.removed")
    last = str(await room.records.feed.last())
    file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=200_000)
    async with events.watching(customer(), NUMBER) as early:
        await early.next()
        upload = await room.uploads.create(customer(), file)
        await round_of(room, events)
        assert await kinds(early) == ["file.receiving"]
        async with events.watching(customer(), NUMBER, after=last) as late:
            assert await kinds(late) == ["file.receiving"]
            with pytest.raises(ConnectionResetError):
                await room.append(customer(), upload.id, 0, chunks(bytes(100_000), then=cut))
            await round_of(room, events)
            for watch in (early, late):
                told = await watch.next()
                assert [_kind(one) for one in told] == ["upload.interrupted"]
                assert told[0].happening is not None
                assert told[0].happening.data["offset"] == 100_000
        data = chunks(bytes(50_000), then=cut)
        with pytest.raises(ConnectionResetError):
            await room.append(customer(), upload.id, 100_000, data)
        await round_of(room, events)
        assert await kinds(early) == ["file.progress"]
        await room.append(customer(), upload.id, 150_000, chunks(bytes(50_000)))
        await round_of(room, events)
        assert await kinds(early) == ["file.received"]


async def test_progress_is_told_no_more_often_than_once_a_second(room: EngineRoom) -> None:
    events = events_of(room)
    async with events.watching(customer(), NUMBER) as watch:
        await watch.next()
        await round_of(room, events)
        file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=200_000)
        await room.uploads.create(customer(), file)
        await round_of(room, events, 0.5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.next(), 0.1)
        await round_of(room, events, 0.5)
        assert await kinds(watch) == ["file.receiving"]
        await round_of(room, events)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.next(), 0.1)


async def test_who_is_too_slow_is_told_no_more(room: EngineRoom) -> None:
    events = events_of(room, waiting=2)
    async with events.watching(customer(), NUMBER) as watch:
        await watch.next()
        await note(room, *["file.removed"] * 4)
        await round_of(room, events)
        assert watch.ending is Ending.TOO_SLOW
        assert await watch.next() == []
        assert await watch.next() == []
        watch.end(Ending.STOPPING)
        assert watch.ending is Ending.TOO_SLOW


async def test_what_waits_and_was_replayed_is_told_once(room: EngineRoom) -> None:
    case = await room.core.case(NUMBER)
    watch = Watch(customer(), case, None, 10)
    await note(room, "file.removed", "file.removed")
    events = events_of(room)
    async with events.watching(customer(), NUMBER, after="0") as other:
        first, second = await other.next()
    assert first.happening is not None
    passing = Told(replace(first.happening, number=None), None)
    for told in (Told(None, 1), first, passing, second):
        watch.tell(told)
    watch.precede([first])
    watch.tell(first)
    assert await watch.next() == [first, Told(None, 1), passing, second]


async def test_accounts_are_kept_from_who_only_reads(room: EngineRoom) -> None:
    events = events_of(room)
    reader = customer(role=Role.READ_ONLY)
    await note(room, "account.issued", "case.closed")
    async with events.watching(reader, NUMBER, after="0") as watch:
        assert await kinds(watch) == ["case.closed"]
        await note(room, "account.ended", "case.reopened")
        await round_of(room, events)
        assert await kinds(watch) == ["case.reopened"]


async def test_nobody_watches_what_they_may_not_see(room: EngineRoom) -> None:
    events = events_of(room)
    with pytest.raises(CaseMissingError):
        async with events.watching(customer("0009999999"), NUMBER):
            pass
    with pytest.raises(CaseMissingError):
        async with events.watching(ANALYST, CaseNumber("0000000404")):
            pass


async def test_a_token_that_ends_ends_its_watches_alone(room: EngineRoom) -> None:
    events = events_of(room)
    token, _ = await room.tokens.issue(Role.ANALYST, "a", None, issued_by="t")
    other, _ = await room.tokens.issue(Role.ANALYST, "b", None, issued_by="t")
    async with (
        events.watching(ANALYST, NUMBER, token_id=token.id) as first,
        events.watching(ANALYST, NUMBER, token_id=other.id) as second,
        events.watching(ANALYST, NUMBER) as by_session,
    ):
        await room.tokens.revoke(replace(ANALYST, credential=token.id), token.id)
        await round_of(room, events)
        assert first.ending is Ending.CREDENTIAL
        assert second.ending is None
        assert by_session.ending is None


async def test_a_case_that_is_there_no_more_ends_its_watches(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = events_of(room)

    async def nothing(number: CaseNumber) -> None:
        raise CaseMissingError("No such case.")

    async with events.watching(ANALYST, NUMBER) as watch:
        await round_of(room, events)
        assert watch.ending is None
        monkeypatch.setattr(room.core, "case", nothing)
        await round_of(room, events)
        assert watch.ending is Ending.CASE


async def test_a_case_whose_watchers_leave_during_a_check_is_passed_over(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = events_of(room)
    other = await room.core.open("Another", "Ltd", "analyst")
    case = room.core.case
    async with events.watching(ANALYST, NUMBER) as watch:
        leaving = events.watching(ANALYST, other.number)
        await leaving.__aenter__()

        async def meanwhile(number: CaseNumber) -> object:
            if events.watchers == 2:
                await leaving.__aexit__(None, None, None)
            return await case(number)

        monkeypatch.setattr(room.core, "case", meanwhile)
        await round_of(room, events)
        assert events.watchers == 1
        assert watch.ending is None


async def test_a_process_that_stops_ends_all_watches_and_begins_none(room: EngineRoom) -> None:
    events = events_of(room)
    async with events.watching(ANALYST, NUMBER) as watch:
        events.stop()
        assert watch.ending is Ending.STOPPING
        await round_of(room, events)
    with pytest.raises(ShuttingDownError):
        async with events.watching(ANALYST, NUMBER):
            pass


async def test_reading_goes_on_after_an_outage(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = events_of(room)
    feed = room.records.feed
    async with events.watching(ANALYST, NUMBER) as watch:
        await watch.next()

        async def away(*_: object) -> list[Noted]:
            raise RecordsUnavailableError("away")

        working = asyncio.create_task(events.watch())
        try:
            with capture_logs() as logs:
                with monkeypatch.context() as outage:
                    outage.setattr(feed, "since", away)
                    await room.clock.wait_for_sleepers()
                    room.clock.advance(0.5)
                    await room.clock.wait_for_sleepers()
                assert [one["event"] for one in logs] == ["events-not-read"]
            await note(room, "file.removed")
            room.clock.advance(0.5)
            assert await kinds(watch) == [EventKind.FILE_REMOVED.value]
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
