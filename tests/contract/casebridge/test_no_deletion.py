"""Whatever another case core does wrong, nothing is deleted by it, and what is due goes at last."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.clock import START, MovableClock
from tests.reference_core import TOKEN, ReferenceCore, Trouble, problem
from tests.sqlite import sqlite_records
from tests.unit.retention.world import World
from transfer.casebridge.case_documents import case_document
from transfer.casebridge.core_client import CoreAccess, CoreClient
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.known import KnownCases
from transfer.casebridge.rest import RestCaseCore
from transfer.core.cases import Case, CaseNumber, Status
from transfer.core.names import CasePath
from transfer.core.retention import PERIOD
from transfer.storage.memory import MemoryObjectStore

NUMBER = CaseNumber("0003256109")
LONG = timedelta(hours=1)
"""So long nobody waits for another try."""


@dataclass(kw_only=True)
class _Room:
    """A case with data here that was closed over there."""

    reference: ReferenceCore
    world: World
    known: KnownCases
    case: Case

    async def round(self) -> None:
        """Have retention look at it once."""
        self.world.clock.advance(LONG)
        await self.world.worker(core=self.known).run_once()

    async def is_whole(self) -> bool:
        row = await self.world.present(self.case)
        return len(await self.world.left_of(self.case)) == 1 and row.purge_started_at is None


@pytest.fixture
async def room(
    tmp_path: Path, reference: ReferenceCore, clock: MovableClock
) -> AsyncIterator[_Room]:
    await reference.desk.open("Crash", "Example Ltd", "ada", NUMBER)
    access = CoreAccess(
        headers={"Authorization": f"Bearer {TOKEN}"}, timeout=timedelta(seconds=2), tries=1
    )
    rest = RestCaseCore(reference.url, CoreClient(access, clock), source="urn:test")
    ids = itertools.count(1)
    folder = tmp_path / "here"
    await asyncio.to_thread(folder.mkdir)
    async with sqlite_records(folder) as records:
        desk = EmbeddedCaseCore(records=records, clock=clock, new_id=lambda: "unused")
        known = KnownCases(
            core=rest, records=records, clock=clock, new_id=lambda: f"here-{next(ids)}"
        )
        store = MemoryObjectStore(versioned=True)
        world = World(records=records, store=store, clock=clock, core=desk)
        case = await known.case(NUMBER)
        await world.add_file(case, CasePath("app.log"))
        await reference.desk.close(NUMBER, "Resolved", "ada")
        closed = await known.case(NUMBER, fresh=True)
        clock.advance(PERIOD)
        yield _Room(reference=reference, world=world, known=known, case=closed)
    await rest.close()


def saying(told: Case) -> Trouble:
    async def trouble(_: web.Request) -> web.Response:
        return web.json_response(case_document(told))

    return trouble


async def hang(_: web.Request) -> None:
    await asyncio.Event().wait()


async def fail(_: web.Request) -> web.Response:
    return web.Response(status=500)


async def garbage(_: web.Request) -> web.Response:
    return web.Response(body=b"\x00<html>")


async def nowhere(_: web.Request) -> web.Response:
    return problem(404, "case-not-found")


def _claim(case: Case, **changed: Any) -> Case:  # noqa: ANN401 -- fields of Case
    return replace(case, **{"version": case.version + 1, **changed})


TROUBLES: dict[str, Callable[[Case], Trouble]] = {
    "it fails": lambda _: fail,
    "it never answers": lambda _: hang,
    "it answers garbage": lambda _: garbage,
    "it knows nothing of the case": lambda _: nowhere,
    "it tells of another case": lambda case: saying(
        _claim(case, number=CaseNumber("0003256110"), closed_at=START)
    ),
    "it was closed in the future": lambda case: saying(
        _claim(case, closed_at=START + timedelta(days=3650))
    ),
    "it was closed before it was opened": lambda case: saying(
        _claim(case, closed_at=START - timedelta(days=3650))
    ),
    "nobody knows when it was closed": lambda case: saying(_claim(case, closed_at=None)),
    "its version went back": lambda case: saying(replace(case, version=1, subject="Of before")),
    "it is another case by now": lambda case: saying(
        _claim(case, opened_at=START - timedelta(days=1))
    ),
}


async def test_no_trouble_deletes_anything_and_the_end_of_all_of_them_does(room: _Room) -> None:
    told = await room.reference.desk.case(NUMBER)
    assert told.version > 1
    for name, trouble in TROUBLES.items():
        room.reference.trouble = trouble(told)
        await room.round()
        assert await room.is_whole(), name
    room.reference.trouble = None
    await room.reference.stop()
    await room.round()
    assert await room.is_whole()
    await room.reference.start()
    await room.round()
    assert await room.world.left_of(room.case) == []
    assert len(await room.world.receipts(room.case)) == 1


async def test_a_case_that_was_reopened_a_moment_ago_is_left_alone(room: _Room) -> None:
    await room.reference.desk.reopen(NUMBER, "ada")
    assert (await room.world.present(room.case)).status is Status.CLOSED  # as far as it is known
    await room.round()
    assert await room.is_whole()
    assert (await room.world.present(room.case)).status is Status.OPEN
