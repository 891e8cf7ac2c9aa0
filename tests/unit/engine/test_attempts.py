"""Failed attempts to get in: counted by source, slowed down, noted without flooding."""

from datetime import timedelta

import pytest

from tests.engine_room import EngineRoom
from transfer.core.access import Door
from transfer.core.errors import TooManyAttemptsError
from transfer.engine.attempts import AttemptPolicy, Failure, source_of
from transfer.ports import CredentialKind

FREE = AttemptPolicy().free


def failure(
    address: str | None = "192.0.2.1", kind: CredentialKind = CredentialKind.TOKEN
) -> Failure:
    return Failure(kind=kind, address=address, reason="unknown")


async def fail(room: EngineRoom, times: int, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        await room.attempts.failed(failure(address))


async def noted(room: EngineRoom) -> int:
    return len([one for one in await room.records.audit.events() if "refused" in one.action])


async def wait_seconds(room: EngineRoom) -> int:
    with pytest.raises(TooManyAttemptsError) as caught:
        await fail(room, 1)
    return caught.value.wait_seconds


async def test_each_failure_is_noted_with_its_reason_and_where_it_came_from(
    room: EngineRoom,
) -> None:
    await room.attempts.failed(
        Failure(
            kind=CredentialKind.PASSWORD,
            address="192.0.2.1",
            reason="wrong-password",
            door=Door.SFTP,
            subject="account-1",
        )
    )
    event = (await room.records.audit.events())[-1]
    assert (event.action, event.door, event.address) == ("password.refused", Door.SFTP, "192.0.2.1")
    assert event.subject == "account-1"
    assert event.details == {"reason": "wrong-password", "failures": 1}


async def test_after_some_failures_each_one_more_doubles_the_wait(room: EngineRoom) -> None:
    await fail(room, FREE)
    waits = []
    for _ in range(12):
        waits.append(await wait_seconds(room))
        room.clock.advance(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


async def test_failures_during_a_wait_are_neither_counted_nor_noted(room: EngineRoom) -> None:
    await fail(room, FREE)
    assert await wait_seconds(room) == 1
    events = await noted(room)
    for _ in range(5):
        assert await wait_seconds(room) == 1
    assert await noted(room) == events == FREE + 1
    room.clock.advance(1)
    assert await wait_seconds(room) == 2


async def test_another_address_or_kind_is_not_slowed_down(room: EngineRoom) -> None:
    await fail(room, FREE)
    assert await wait_seconds(room) == 1
    await fail(room, FREE, "192.0.2.2")
    await room.attempts.failed(failure(kind=CredentialKind.SESSION))


async def test_a_source_that_stops_failing_starts_afresh(room: EngineRoom) -> None:
    await fail(room, FREE)
    assert await wait_seconds(room) == 1
    room.clock.advance(timedelta(hours=1, seconds=1))
    await fail(room, FREE)
    assert await room.attempts.forget_old() == 0
    room.clock.advance(timedelta(hours=1, seconds=1))
    assert await room.attempts.forget_old() == 1


async def test_nodes_count_together(room: EngineRoom) -> None:
    await fail(room, FREE)
    with pytest.raises(TooManyAttemptsError):
        await room.another_node().attempts.failed(failure())


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
        (None, "unknown"),
    ],
)
def test_an_address_is_counted_by_what_its_owner_can_not_change(
    address: str | None, source: str
) -> None:
    assert source_of(address) == source


def guess(name: str, address: str = "192.0.2.1") -> Failure:
    return Failure(kind=CredentialKind.SFTP, address=address, reason="wrong-password", name=name)


async def test_failures_for_a_name_count_together_wherever_they_come_from(
    room: EngineRoom,
) -> None:
    for n in range(FREE):
        await room.attempts.failed(guess("c1", f"192.0.2.{n}"))
    for address in ("198.51.100.1", "198.51.100.2"):
        with pytest.raises(TooManyAttemptsError):
            await room.attempts.failed(guess("c1", address))
    await room.attempts.failed(guess("another", "198.51.100.3"))


async def test_a_name_is_counted_whether_there_is_such_an_account_or_not(room: EngineRoom) -> None:
    """And isn't kept: some type their password there."""
    for name in ("root", "\ud800", "a" * 1000):
        await room.attempts.failed(guess(name, "192.0.2.9"))
    with pytest.raises(TooManyAttemptsError):
        await fail_as(room, "root", FREE)


async def fail_as(room: EngineRoom, name: str, times: int) -> None:
    for n in range(times):
        await room.attempts.failed(guess(name, f"203.0.113.{n}"))


async def test_who_gets_in_is_forgiven(room: EngineRoom) -> None:
    for _ in range(FREE):
        await room.attempts.failed(guess("c1"))
    await room.attempts.forgive(CredentialKind.SFTP, "192.0.2.1", "c1")
    await room.attempts.forgive(CredentialKind.SFTP, "192.0.2.1", "c1")
    for _ in range(FREE):
        await room.attempts.failed(guess("c1"))
    with pytest.raises(TooManyAttemptsError):
        await room.attempts.failed(guess("c1"))
