"""Digests that are stopped and taken up again come out as if they had never been."""

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.uploads import DigestState
from transfer.engine.digest import (
    PlainSha256,
    SavableSha256,
    StreamDigest,
    can_save_state,
    crc32,
    crc64nvme,
)


def test_this_platform_can_save_the_state() -> None:
    assert can_save_state()


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_a_hash_saved_between_any_two_pieces_is_right(pieces: list[bytes]) -> None:
    sha256 = SavableSha256()
    for piece in pieces:
        sha256.update(piece)
        sha256 = SavableSha256.load(sha256.save())
    assert sha256.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_a_hash_is_right_past_half_a_gibibyte() -> None:
    block = bytearray(b"x" * (32 << 20))
    sha256, plain = SavableSha256(), hashlib.sha256()
    for _ in range(17):
        sha256.update(memoryview(block))
        plain.update(block)
    sha256 = SavableSha256.load(sha256.save())
    sha256.update(memoryview(b"end"))
    plain.update(b"end")
    assert sha256.hexdigest() == plain.hexdigest()


@pytest.mark.parametrize("state", [b"", b"x" * 39, b"x" * 200])
def test_what_is_no_saved_state_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="saved SHA-256 state"):
        SavableSha256.load(state)


def test_a_stream_goes_on_from_its_state() -> None:
    first = StreamDigest()
    first.update(b"hello ")
    second = StreamDigest(first.state(), offset=6)
    second.update(b"world")
    assert second.known
    assert second.sha256() == hashlib.sha256(b"hello world").hexdigest()
    assert second.state().crc64nvme == crc64nvme(b"hello world")
    assert second.state().crc32 == zlib.crc32(b"hello world")


def test_a_stream_whose_state_is_lost_says_so_and_keeps_its_checksum() -> None:
    digest = StreamDigest(DigestState(sha256=None, crc64nvme=crc64nvme(b"hello ")), offset=6)
    digest.update(b"world")
    assert not digest.known
    assert digest.sha256() is None
    assert digest.state() == DigestState(sha256=None, crc64nvme=crc64nvme(b"hello world"))


def test_a_plain_hash_is_right() -> None:
    sha256 = PlainSha256()
    sha256.update(b"x")
    assert sha256.hexdigest() == hashlib.sha256(b"x").hexdigest()


def test_the_checksum_is_the_published_one() -> None:
    # Check value of CRC-64/NVME in the catalogue of parametrised CRC algorithms.
    assert crc64nvme(b"123456789") == 0xAE8B14860A799888


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_a_crc_32_goes_on_over_any_pieces(pieces: list[bytes]) -> None:
    crc = 0
    for piece in pieces:
        crc = crc32(memoryview(bytearray(piece)), crc)
    assert crc == zlib.crc32(b"".join(pieces))


def test_a_crc_32_that_nobody_knows_stays_unknown_but_for_a_file_that_begins() -> None:
    unknown = DigestState(sha256=None, crc64nvme=0)
    late = StreamDigest(unknown, offset=6)
    late.update(b"world")
    assert late.state().crc32 is None
    fresh = StreamDigest(unknown, offset=0)
    fresh.update(b"world")
    assert fresh.state().crc32 == zlib.crc32(b"world")


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_a_checksum_of_a_piece_that_is_known_is_not_found_again(pieces: list[bytes]) -> None:
    digest = StreamDigest()
    for piece in pieces:
        digest.update(piece, crc64nvme(piece))
    whole = b"".join(pieces)
    assert digest.state().crc64nvme == crc64nvme(whole)
    assert digest.state().crc32 == zlib.crc32(whole)
    assert digest.sha256() == hashlib.sha256(whole).hexdigest()


def test_a_checksum_that_is_given_is_believed() -> None:
    digest = StreamDigest()
    digest.update(b"hello", 1)
    assert digest.state().crc64nvme == 1
