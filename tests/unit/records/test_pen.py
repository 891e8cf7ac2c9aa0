"""The pen beside its lane, while a commit takes its time."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from transfer.records.groups import Group, Line
from transfer.records.lanes import Chore, Lane
from transfer.records.patience import Patience
from transfer.records.pen import Pen
from transfer.records.sqlite import make_engine


class Desk:
    """A pen and its lane, which begins nothing while its gate is closed."""

    def __init__(self, path: Path) -> None:
        patience = Patience(5)
        self.engine = make_engine(make_url(f"sqlite:///{path}"), patience=patience)
        self.line = Line(self.engine, patience)
        self.lane = Lane("writer", 1, self._work)
        self.pen = Pen(self.lane, self.line)
        self.gate = threading.Event()
        self.gate.set()
        self.breaks = False

    def jot(self, number: int) -> "asyncio.Future[Any]":
        return self.pen.submit(lambda connection: _add(connection, number)).future

    def write(self, number: int) -> "asyncio.Future[Any]":
        return self.pen.submit_to_lane(lambda connection: _add(connection, number)).future

    def close(self) -> None:
        self.gate.set()
        self.lane.join()
        self.line.close()
        self.engine.dispose()

    def _work(self, lane: Lane) -> None:
        while (errand := lane.take()) is not None:
            assert self.gate.wait(20)
            if isinstance(errand, Chore) and self.breaks:
                errand.tell(None, OSError("The disk is broken."))
                continue
            if isinstance(errand, Chore):
                errand.do()
                continue
            group = Group(errand, lane.take_ready, 32)
            with self.line.writing() as connection:
                group.run(connection)
            group.tell()


def _add(connection: Connection, number: int) -> tuple[bool, list[int]]:
    """Return whether the loop has run this, and what was there."""
    found = connection.exec_driver_sql("SELECT number FROM numbers ORDER BY rowid").scalars().all()
    connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", (number,))
    return threading.current_thread() is threading.main_thread(), list(found)


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)  # noqa: TID251 -- gives the loop turns, waits for no time


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "numbers.db")
    await made.pen.submit_to_lane(
        lambda connection: connection.exec_driver_sql("CREATE TABLE numbers (number INTEGER)")
    ).future
    await turns()
    yield made
    made.close()


@pytest.fixture
async def committing(desk: Desk) -> "asyncio.Future[Any]":
    """A jot that was run, and whose commit doesn't begin before the gate is opened."""
    desk.gate.clear()
    jot = desk.jot(0)
    await turns()
    return jot


async def test_nobody_is_told_before_the_commit(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    await turns(20)
    assert not committing.done()
    desk.gate.set()
    assert await committing == (True, [])


async def test_a_commit_that_fails_is_told_and_leaves_nothing(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    """Nobody tries it again: what SQLite has rolled back would commit as nothing."""
    desk.breaks = True
    waiting = desk.jot(1)
    desk.gate.set()
    outcomes = await asyncio.gather(committing, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]
    desk.breaks = False
    assert await desk.jot(2) == (True, [])


async def test_what_comes_during_a_commit_is_run_by_the_loop_behind_it(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    jots = [desk.jot(1), desk.jot(2)]
    await turns(20)
    assert not any(jot.done() for jot in jots)
    desk.gate.set()
    assert await asyncio.gather(committing, *jots) == [(True, []), (True, [0]), (True, [0, 1])]


async def test_a_long_one_that_comes_during_a_commit_is_the_lanes_behind_it(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    """And with it what comes later: jots that never end would keep it from its turn."""
    before, long, after = desk.jot(1), desk.write(2), desk.jot(3)
    desk.gate.set()
    await asyncio.gather(committing, before, long, after)
    assert [one.result()[0] for one in (committing, before, long, after)] == [True] + [False] * 3
    assert sorted((await desk.jot(4))[1]) == [0, 1, 2, 3]


async def test_who_gives_up_during_a_commit_that_is_not_theirs_has_written_nothing(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    given_up = desk.pen.submit(lambda connection: _add(connection, 1))
    last = desk.jot(2)
    assert given_up.give_up()
    assert given_up.future.cancelled()
    desk.gate.set()
    assert await last == (True, [0])
    assert committing.done()


async def test_if_all_that_wait_give_up_nothing_stays_begun(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    assert desk.pen.submit(lambda connection: _add(connection, 1)).give_up()
    desk.gate.set()
    await committing
    await turns()
    assert await desk.write(2) == (False, [0])
    assert await desk.jot(3) == (True, [0, 2])


async def test_a_commit_that_was_begun_can_not_be_given_up(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    errand = desk.pen.submit(lambda connection: _add(connection, 1))
    desk.gate.set()
    await errand.future
    assert not errand.give_up()
    assert (await desk.jot(2))[1] == [0, 1]
    assert committing.done()


async def test_stopping_waits_for_the_commit_and_leaves_the_rest_to_the_lane(
    desk: Desk, committing: "asyncio.Future[Any]"
) -> None:
    waiting, behind = desk.jot(1), desk.write(2)
    stopping = asyncio.ensure_future(desk.pen.stop())
    await turns(20)
    assert not stopping.done()
    desk.gate.set()
    await stopping
    assert committing.done()
    assert [(await one)[0] for one in (waiting, behind)] == [False, False]


async def test_while_the_lane_is_busy_jots_are_its_own_and_afterwards_the_loops(
    desk: Desk,
) -> None:
    desk.gate.clear()
    long, jot = desk.write(1), desk.jot(2)
    desk.gate.set()
    assert [(await one)[0] for one in (long, jot)] == [False, False]
    await turns()
    assert (await desk.jot(3))[0]


async def test_one_that_the_lane_has_given_up_on_leaves_it_at_rest(desk: Desk) -> None:
    desk.gate.clear()
    long = desk.write(1)
    errand = desk.pen.submit(lambda connection: _add(connection, 2))
    assert errand.give_up()
    desk.gate.set()
    await long
    await turns()
    assert desk.lane.is_at_rest
    assert (await desk.jot(3)) == (True, [1])
