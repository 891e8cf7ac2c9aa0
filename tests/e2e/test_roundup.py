"""A case whose ticket is in a tracker that nobody here wrote, until its data is gone."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tests.clock import MovableClock
from tests.engine_room import ANALYST, chunks, customer
from tests.roundup import FIELDS, PASSWORD, USER, Tracker, roundup_tracker
from tests.service import Service
from transfer.casebridge.reconciler import Reconciler
from transfer.clock import SystemClock
from transfer.core.cases import CaseNumber, Status
from transfer.core.errors import CaseClosedError, CaseCoreUnavailableError
from transfer.core.names import CasePath
from transfer.engine.beginnings import FileToSend
from transfer.engine.deletion_receipts import check
from transfer.records.migrate import upgrade
from transfer.settings import Settings
from transfer.storage.memory import MemoryObjectStore
from transfer.wiring.parts import Parts, database_url, open_parts

FILES = {f"trace{count}.log": f"trace {count}".encode() * 1000 for count in range(3)}
FORGOTTEN = timedelta(seconds=11)
"""After that, what the tracker said is asked for anew."""

DROP_IS_WHOLE = timedelta(minutes=2)


@pytest.fixture(scope="module")
def tracker() -> Iterator[Tracker]:
    with roundup_tracker() as running:
        yield running


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(SystemClock().now())


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore(min_part_bytes=1)


@pytest.fixture
def settings(tracker: Tracker, tmp_path: Path) -> dict[str, str]:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    return {
        "case_core": "roundup",
        "case_core_url": tracker.url,
        "roundup_user": USER,
        "roundup_password_file": str(password),
        "roundup_fields": ",".join(f"{ours}={theirs}" for ours, theirs in FIELDS.items()),
    }


@asynccontextmanager
async def service(
    folder: Path, settings: dict[str, str], store: MemoryObjectStore, clock: MovableClock
) -> AsyncIterator[Parts]:
    given = Settings.model_validate({"data": folder / "data", **settings})
    given.data.mkdir(mode=0o700)
    await asyncio.to_thread(upgrade, database_url(given))
    async with open_parts(given, store=store, clock=clock) as parts:
        yield parts


async def send_all(parts: Parts, number: CaseNumber) -> None:
    who = customer(number)
    await parts.acknowledgements.accept(who, number, parts.tools.notice.version)
    for name, data in FILES.items():
        file = FileToSend(case_number=number, path=CasePath(name), length=len(data))
        await parts.uploads.receive(who, file, chunks(data))


async def test_a_ticket_closed_in_the_tracker_takes_its_data_with_it_thirty_days_later(
    tracker: Tracker,
    tmp_path: Path,
    settings: dict[str, str],
    store: MemoryObjectStore,
    clock: MovableClock,
) -> None:
    ticket = tracker.open("Node hangs", account="Example Ltd", status="need-eg")
    number = CaseNumber(ticket.zfill(10))
    async with service(tmp_path, settings, store, clock) as parts:
        # Files arrive: one message with all digests, and the ticket is ours again.
        await send_all(parts, number)
        clock.advance(DROP_IS_WHOLE)
        await parts.dispatcher.run_once()
        (text,) = tracker.texts(ticket)
        for name, data in FILES.items():
            assert name in text
            assert hashlib.sha256(data).hexdigest() in text
        assert tracker.properties(ticket)["status.name"] == "chatting"

        # It is resolved in the tracker: nothing more comes in, all is still there.
        tracker.change(ticket, status="resolved")
        clock.advance(FORGOTTEN)
        with pytest.raises(CaseClosedError):
            await send_all(parts, number)
        case = await parts.files.case(ANALYST, number)
        assert (case.status, case.substatus) == (Status.CLOSED, "Resolved")
        kept = len(store.objects)
        clock.advance(timedelta(days=29, hours=23))
        await parts.worker.run_once()
        assert len(store.objects) == kept > 0

        # Thirty days: it is gone, there is a receipt, and the ticket says so, still resolved.
        clock.advance(timedelta(hours=2))
        await parts.worker.run_once()
        assert len(store.objects) == 0
        (receipt,) = await parts.deletion_receipts.of_case(ANALYST, number)
        assert check(receipt, await parts.receipts.keys())["case"] == number
        await parts.dispatcher.run_once()
        _, announced, gone = tracker.texts(ticket)
        assert "will be deleted" in announced
        assert "have been deleted" in gone
        assert tracker.properties(ticket)["status.name"] == "resolved"


async def test_a_ticket_reopened_in_the_tracker_keeps_its_data(
    tracker: Tracker,
    tmp_path: Path,
    settings: dict[str, str],
    store: MemoryObjectStore,
    clock: MovableClock,
) -> None:
    ticket = tracker.open("Node hangs", account="Example Ltd")
    number = CaseNumber(ticket.zfill(10))
    async with service(tmp_path, settings, store, clock) as parts:
        await send_all(parts, number)
        tracker.change(ticket, status="resolved")
        clock.advance(FORGOTTEN)
        assert (await parts.files.case(ANALYST, number)).is_closed
        clock.advance(timedelta(days=29))
        tracker.change(ticket, status="chatting")
        clock.advance(timedelta(days=400))
        kept = len(store.objects)
        await parts.worker.run_once()
        assert len(store.objects) == kept > 0
        assert not (await parts.files.case(ANALYST, number)).is_closed


async def test_a_ticket_closed_while_nobody_looks_ends_its_accounts(
    tracker: Tracker,
    tmp_path: Path,
    settings: dict[str, str],
    store: MemoryObjectStore,
    clock: MovableClock,
) -> None:
    ticket = tracker.open("Node hangs", account="Example Ltd")
    number = CaseNumber(ticket.zfill(10))
    async with service(tmp_path, settings, store, clock) as parts:
        await parts.accounts.issue(ANALYST, number)
        loops = [loop for _, loop in parts.traffic.loops() if isinstance(loop, Reconciler)]
        await loops[0].run_once()
        tracker.change(ticket, status="resolved")
        await SystemClock().sleep(2.5)  # what is told within the second of a change may be the old
        clock.advance(timedelta(minutes=5))
        assert await parts.records.accounts.of_case(number, active_at=clock.now())
        await loops[0].run_once()
        assert not await parts.records.accounts.of_case(number, active_at=clock.now())


async def test_a_tracker_that_is_away_causes_no_deletion_and_keeps_nobody_from_their_files(
    tracker: Tracker,
    tmp_path: Path,
    settings: dict[str, str],
    store: MemoryObjectStore,
    clock: MovableClock,
) -> None:
    tickets = [tracker.open("Node hangs", account="Example Ltd") for _ in range(2)]
    closed, going_on = (CaseNumber(ticket.zfill(10)) for ticket in tickets)
    impatient = {**settings, "case_core_timeout": "1s"}
    async with service(tmp_path, impatient, store, clock) as parts:
        await send_all(parts, closed)
        await send_all(parts, going_on)
        tracker.change(tickets[0], status="resolved")
        clock.advance(FORGOTTEN)
        assert (await parts.files.case(ANALYST, closed)).is_closed
        kept = len(store.objects)
        with tracker.away():
            clock.advance(timedelta(days=60))
            await parts.worker.run_once()
            assert len(store.objects) == kept > 0
            assert (await parts.files.case(ANALYST, going_on)).is_stale
            with pytest.raises(CaseCoreUnavailableError):
                await parts.accounts.issue(ANALYST, going_on)
        clock.advance(timedelta(hours=1))
        await parts.worker.run_once()
        assert 0 < len(store.objects) < kept  # the one's data is gone, the other's stays
        assert not (await parts.files.case(ANALYST, going_on)).is_stale


def test_a_service_runs_on_a_tracker_from_its_start(
    tracker: Tracker, settings: dict[str, str], tmp_path: Path
) -> None:
    ticket = tracker.open("Node hangs", account="Example Ltd")
    number = ticket.zfill(10)
    running = Service(tmp_path, settings=settings)
    try:
        running.start()
        token = running.token("analyst")
        answer = requests.get(
            f"{running.url}/api/v1/cases/{number}",
            headers={"Authorization": f"Bearer {token}"},
            verify=str(running.certificate),
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        assert (answer.json()["subject"], answer.json()["number"]) == ("Node hangs", number)
        assert PASSWORD not in running.log
    finally:
        running.end()
