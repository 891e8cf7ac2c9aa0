"""One budget of memory for the process: nobody waits for ever, nothing is counted twice."""

import asyncio

import pytest

from transfer.core.parts import MIB
from transfer.engine.buffers import BufferPool, PartBuffer


def test_a_buffer_holds_what_it_was_given() -> None:
    buffer = PartBuffer(100)
    buffer.fill(memoryview(b"hello "))
    buffer.fill(memoryview(b"world"))
    assert bytes(buffer.view()) == b"hello world"
    assert bytes(buffer.view(6)) == b"world"
    assert buffer.room == 89


def test_a_huge_part_is_backed_by_a_file_and_costs_no_budget() -> None:
    pool = BufferPool(4 * MIB)
    buffer = pool.buffer(65 * MIB)
    assert not buffer.in_memory
    assert pool.try_charge(buffer, 60 * MIB)
    buffer.fill(memoryview(b"x"))
    assert bytes(buffer.view()) == b"x"
    assert pool.used_bytes == 0


def test_bytes_are_charged_as_they_come() -> None:
    pool = BufferPool(8 * MIB)
    buffer = pool.buffer(16 * MIB)
    assert pool.try_charge(buffer, 1)
    assert pool.used_bytes == MIB
    assert pool.try_charge(buffer, MIB + 1)
    assert pool.used_bytes == 2 * MIB
    assert not pool.try_charge(buffer, 9 * MIB)
    pool.give_back(buffer)
    assert pool.used_bytes == 0


async def test_who_needs_more_than_is_free_waits_in_turn() -> None:
    pool = BufferPool(4 * MIB)
    first, second, third = (pool.buffer(4 * MIB) for _ in range(3))
    await pool.charge(first, 3 * MIB)
    big = asyncio.create_task(pool.charge(second, 4 * MIB))
    small = asyncio.create_task(pool.charge(third, MIB))
    await asyncio.sleep(0)  # noqa: TID251 - lets the tasks begin
    assert pool.is_pressed
    assert not pool.try_charge(third, 1), "overtaking would starve the big one"
    pool.give_back(first)
    await big
    assert not small.done()
    pool.give_back(second)
    await small
    assert pool.used_bytes == MIB
    assert not pool.is_pressed


async def test_a_wait_that_is_given_up_leaves_no_trace() -> None:
    pool = BufferPool(2 * MIB)
    first, second = pool.buffer(2 * MIB), pool.buffer(2 * MIB)
    await pool.charge(first, 2 * MIB)
    waiting = asyncio.create_task(pool.charge(second, MIB))
    await asyncio.sleep(0)  # noqa: TID251 - lets the task begin
    pool.give_back(first)  # its turn has come, but it hasn't run yet
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pool.used_bytes == 0
    assert not pool.is_pressed


async def test_one_buffer_beyond_the_whole_budget_is_served_alone() -> None:
    pool = BufferPool(MIB)
    buffer = pool.buffer(16 * MIB)
    await pool.charge(buffer, 16 * MIB)
    assert pool.used_bytes == 16 * MIB


def test_full_buffers_are_used_again_and_doubtful_ones_are_not() -> None:
    pool = BufferPool(64 * MIB)
    full, doubtful = pool.buffer(MIB), pool.buffer(MIB)
    assert pool.try_charge(full, MIB)
    assert pool.try_charge(doubtful, MIB)
    pool.give_back(doubtful, reuse=False)
    pool.give_back(full)
    assert pool.buffer(MIB) is full
    assert pool.buffer(MIB) is not doubtful
