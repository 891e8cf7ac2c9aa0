"""Inflating: whatever the pieces it comes in, and whatever is wrong with it."""

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.engine.gunzip import DamagedError, Gunzip

members = st.lists(st.binary(max_size=2000).map(lambda data: data * 3), min_size=1, max_size=4)


def inflate(gunzip: Gunzip, stored: bytes, chunk: int, most: int = 1 << 20) -> bytes:
    made = b""
    for start in range(0, len(stored), chunk):
        gunzip.feed(stored[start : start + chunk])
        while not (gunzip.needs_more or gunzip.is_over):
            piece = gunzip.inflate(most)
            assert len(piece) <= most
            made += piece
    return made


@given(members, st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 3))
def test_members_are_inflated_one_behind_the_other(
    datas: list[bytes], chunk: int, most: int, zeros: int
) -> None:
    stored = [gzip.compress(data) + bytes(zeros) for data in datas]
    gunzip = Gunzip()
    assert inflate(gunzip, b"".join(stored), chunk, most) == b"".join(datas)
    assert gunzip.is_whole
    assert gunzip.member_start == len(b"".join(stored[:-1]))
    assert gunzip.member_position == len(b"".join(datas[:-1]))
    last = Gunzip()
    assert inflate(last, b"".join(stored)[gunzip.member_start :], chunk) == datas[-1]


def test_a_bomb_is_inflated_a_little_at_a_time() -> None:
    gunzip = Gunzip()
    gunzip.feed(gzip.compress(bytes(50 << 20)))
    for _ in range(49):
        assert len(gunzip.inflate(1 << 20)) == 1 << 20
        assert not gunzip.needs_more


def test_what_was_appended_and_is_no_gzip_is_left_out() -> None:
    for chunk in (7, 1000):
        gunzip = Gunzip()
        assert inflate(gunzip, gzip.compress(b"text") + b"\0\0signature", chunk) == b"text"
        assert gunzip.is_over
        assert gunzip.is_whole
        assert gunzip.inflate(10) == b""


@pytest.mark.parametrize("left", [1, 5, 12, 30])
def test_an_end_that_is_missing_is_noticed(left: int) -> None:
    data = random.Random(1).randbytes(1000)
    gunzip = Gunzip()
    assert data.startswith(inflate(gunzip, gzip.compress(data)[:-left], 100))
    assert not gunzip.is_whole


@pytest.mark.parametrize("place", [2, -1, -6])
def test_what_is_corrupt_is_noticed(place: int) -> None:
    stored = bytearray(gzip.compress(b"text" * 100))
    stored[place] ^= 0xFF
    gunzip = Gunzip()
    with pytest.raises(DamagedError):
        inflate(gunzip, bytes(stored), 1000)
