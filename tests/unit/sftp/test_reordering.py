from hypothesis import given
from hypothesis import strategies as st

from transfer.sftp.reordering import AheadRoom, Reordering


@given(
    writes=st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=15))),
    forgotten=st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted),
)
def test_of_bytes_that_overlap_the_latest_are_held(
    writes: list[tuple[int, bytes]], forgotten: list[int]
) -> None:
    room = AheadRoom()
    held, expected = Reordering(room), dict[int, int]()
    for offset, data in writes:
        assert held.hold(offset, data)
        expected.update(enumerate(data, offset))
    held.forget(*forgotten)
    expected = {at: byte for at, byte in expected.items() if not forgotten[0] <= at < forgotten[1]}
    found = {at: byte for offset, block in held for at, byte in enumerate(block, offset)}
    assert found == expected
    assert held.held_bytes == len(expected) == sum(len(block) for _, block in held)
    assert room.used_bytes == len(expected)
    assert held.end == max(expected, default=-1) + 1
    assert bool(held) == bool(expected)
    held.clear()
    assert not held
    assert (held.held_bytes, room.used_bytes) == (0, 0)


def test_bytes_are_taken_once_those_before_them_are_here() -> None:
    held = Reordering(AheadRoom())
    held.hold(20, b"later")
    held.hold(10, b"first")
    assert held.take(5) == b""
    assert held.take(10) == b"first"
    assert held.take(15) == b""
    assert held.take(20) == b"later"
    assert not held


def test_no_more_is_held_than_there_is_room_for() -> None:
    held = Reordering(AheadRoom(), limit_bytes=10)
    assert held.hold(100, b"x" * 10)
    assert not held.hold(200, b"x")
    assert list(held) == [(100, b"x" * 10)]
    held.take(100)
    assert held.hold(200, b"x")


def test_the_files_of_a_process_share_the_room() -> None:
    room = AheadRoom(limit_bytes=10)
    one, other = Reordering(room), Reordering(room)
    assert one.hold(100, b"x" * 6)
    assert not other.hold(100, b"x" * 6)
    one.clear()
    assert other.hold(100, b"x" * 6)
