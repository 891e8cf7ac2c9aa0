"""What every case core is held to. To plug one in, give a class of it a fixture `room`."""

from abc import ABC, abstractmethod
from typing import Any

import pytest

from transfer.core.case_claims import check_claim
from transfer.core.cases import CaseNumber, Status
from transfer.core.errors import (
    CaseMissingError,
    InvalidRequestError,
    MissingError,
    RefusedError,
)
from transfer.ports import CaseChanges, CaseCore, CaseEvent, Clock

NEVER_GIVEN = CaseNumber("9999999998")
DIGEST = "ab" * 32


class CoreRoom(ABC):
    """A case core, and the people who run its cases by its own means."""

    core: CaseCore
    clock: Clock

    @abstractmethod
    async def open(self, subject: str, account: str) -> CaseNumber:
        """Open a case."""

    @abstractmethod
    async def move(self, number: CaseNumber, status: Status) -> None:
        """Have a case in another status that isn't Closed."""

    @abstractmethod
    async def close(self, number: CaseNumber) -> None:
        """Close a case."""

    @abstractmethod
    async def reopen(self, number: CaseNumber) -> None:
        """Have a closed case open again."""

    @abstractmethod
    async def texts(self, number: CaseNumber) -> list[str]:
        """Return what people read on a case, in order."""


def a_file(number: CaseNumber, name: str, clock: Clock, **data: object) -> CaseEvent:
    known: dict[str, Any] = {
        "path": name,
        "size": 1_258_291,
        "sha256": DIGEST,
        "direction": "from_customer",
        "door": "http",
        "sent_by": "customer",
    }
    return CaseEvent(
        id=f"received-{number}-{name}",
        type="file.received",
        case_number=number,
        at=clock.now(),
        data={**known, **data},
    )


async def sweep(
    core: CaseCore, since: str | None = None, *, limit: int = 100
) -> tuple[set[CaseNumber], CaseChanges]:
    """Return all that changed behind a cursor, and the last page."""
    found: set[CaseNumber] = set()
    for _ in range(1000):
        page = await core.changes(since, limit=limit)
        found |= {case.number for case in page.cases}
        if not page.more:
            return found, page
        since = page.cursor
    raise AssertionError("the pages never end")


class CaseCoreContract:
    """The scenarios."""

    # ── A case ───────────────────────────────────────────────────────────────────────────────

    async def test_a_case_is_told_as_it_stands(self, room: CoreRoom) -> None:
        number = await room.open("Trace of a hanging node", "Example Ltd")
        case = await room.core.case(number, fresh=True)
        assert (case.number, case.subject) == (number, "Trace of a hanging node")
        assert case.account == "Example Ltd"
        assert (case.status, case.closed_at) == (Status.OPEN, None)
        assert case.substatus
        assert not case.is_stale
        check_claim(case, number, room.clock.now())

    async def test_a_number_that_was_never_given_is_missing(self, room: CoreRoom) -> None:
        with pytest.raises(CaseMissingError):
            await room.core.case(NEVER_GIVEN, fresh=True)

    async def test_a_status_is_told_at_once(self, room: CoreRoom) -> None:
        number = await room.open("Crash", "Example Ltd")
        for status in (Status.AWAITING_INFORMATION, Status.SOLUTION_PROPOSED, Status.OPEN):
            await room.move(number, status)
            assert (await room.core.case(number, fresh=True)).status is status

    async def test_a_closed_case_tells_since_when(self, room: CoreRoom) -> None:
        number = await room.open("Crash", "Example Ltd")
        await room.close(number)
        case = await room.core.case(number, fresh=True)
        assert case.is_closed
        assert case.closed_at is not None
        check_claim(case, number, room.clock.now())

    async def test_a_reopened_case_is_not_closed(self, room: CoreRoom) -> None:
        number = await room.open("Crash", "Example Ltd")
        await room.close(number)
        await room.reopen(number)
        case = await room.core.case(number, fresh=True)
        assert (case.is_closed, case.closed_at) == (False, None)
        check_claim(case, number, room.clock.now())

    async def test_its_version_grows_with_every_change(self, room: CoreRoom) -> None:
        number = await room.open("Crash", "Example Ltd")
        versions = [(await room.core.case(number, fresh=True)).version]
        for change in (
            room.move(number, Status.AWAITING_INFORMATION),
            room.close(number),
            room.reopen(number),
        ):
            await change
            versions.append((await room.core.case(number, fresh=True)).version)
        assert versions == sorted(set(versions))

    async def test_what_is_asked_twice_is_told_alike(self, room: CoreRoom) -> None:
        number = await room.open("Crash", "Example Ltd")
        first = await room.core.case(number, fresh=True)
        assert await room.core.case(number, fresh=True) == first

    # ── Changes ──────────────────────────────────────────────────────────────────────────────

    async def test_since_ever_every_case_has_changed(self, room: CoreRoom) -> None:
        numbers = {await room.open(f"Case {count}", "Example Ltd") for count in range(3)}
        found, _ = await sweep(room.core)
        assert numbers <= found

    async def test_a_change_is_behind_the_cursor_of_before(self, room: CoreRoom) -> None:
        number = await room.open("Crash", "Example Ltd")
        _, page = await sweep(room.core)
        await room.close(number)
        page = await room.core.changes(page.cursor)
        (told,) = [case for case in page.cases if case.number == number]
        assert told.is_closed

    async def test_nothing_is_missed_page_by_page(self, room: CoreRoom) -> None:
        numbers = {await room.open(f"Case {count}", "Example Ltd") for count in range(3)}
        found, page = await sweep(room.core, limit=1)
        assert numbers <= found
        another = await room.open("Another", "Example Ltd")
        found, _ = await sweep(room.core, page.cursor, limit=1)
        assert another in found

    async def test_no_page_is_longer_than_asked_for(self, room: CoreRoom) -> None:
        for count in range(3):
            await room.open(f"Case {count}", "Example Ltd")
        page = await room.core.changes(limit=2)
        assert len(page.cases) <= 2
        assert page.more

    async def test_a_cursor_from_elsewhere_is_refused(self, room: CoreRoom) -> None:
        with pytest.raises(InvalidRequestError):
            await room.core.changes("from elsewhere")

    # ── Events ───────────────────────────────────────────────────────────────────────────────

    async def test_what_happens_here_is_read_there_in_order_and_once(self, room: CoreRoom) -> None:
        number = await room.open("Crash", "Example Ltd")
        first = a_file(number, "first.log", room.clock)
        second = a_file(number, "second.log", room.clock)
        await room.core.tell(first)
        await room.core.tell(first, second)
        await room.core.tell(second)
        texts = "\n".join(await room.texts(number))
        assert texts.count("first.log") == texts.count("second.log") == 1
        assert texts.index("first.log") < texts.index("second.log")
        assert texts.count(DIGEST) == 2

    async def test_nothing_to_tell_is_no_trouble(self, room: CoreRoom) -> None:
        await room.core.tell()

    async def test_an_event_of_no_case_is_refused_for_good(self, room: CoreRoom) -> None:
        with pytest.raises((MissingError, RefusedError)):
            await room.core.tell(a_file(NEVER_GIVEN, "app.log", room.clock))
