"""Checksums of a chunk: right ones pass, damaged ones and unknown ones don't."""

import base64
import hashlib

import pytest

from transfer.core.errors import ChecksumMismatchError, UnsupportedAlgorithmError
from transfer.engine.checksums import ALGORITHMS, ChunkChecksum

DATA = b"123456789"
CRC32C = (0xE3069283).to_bytes(4, "big")  # check value of CRC-32/ISCSI


def declared(algorithm: str) -> str:
    digest = CRC32C if algorithm == "crc32c" else hashlib.new(algorithm, DATA).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_chunk_that_arrived_whole_passes(algorithm: str) -> None:
    checksum = ChunkChecksum.parse(declared(algorithm))
    checksum.update(DATA[:4])
    checksum.update(memoryview(DATA)[4:])
    checksum.verify()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_damaged_chunk_does_not(algorithm: str) -> None:
    checksum = ChunkChecksum.parse(declared(algorithm))
    checksum.update(b"x" + DATA[1:])
    with pytest.raises(ChecksumMismatchError):
        checksum.verify()


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_of_two_checksums_both_must_be_right(*, first: bool, second: bool) -> None:
    def expected(algorithm: str, *, right: bool) -> bytes:
        return hashlib.new(algorithm, DATA if right else b"other").digest()

    also = ChunkChecksum("sha512", expected("sha512", right=second))
    checksum = ChunkChecksum("sha256", expected("sha256", right=first), also)
    checksum.update(DATA)
    with pytest.raises(ChecksumMismatchError):
        checksum.verify()


def test_an_algorithm_that_is_none_is_refused() -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        ChunkChecksum("md5", hashlib.md5(DATA, usedforsecurity=False).digest())


def test_two_right_checksums_pass() -> None:
    also = ChunkChecksum("sha512", hashlib.sha512(DATA).digest())
    checksum = ChunkChecksum("sha256", hashlib.sha256(DATA).digest(), also)
    checksum.update(DATA)
    checksum.verify()


@pytest.mark.parametrize(
    "header",
    [
        "sha512 " + "A" * 86 + "==",
        "",
        "md5 AAAA",
        "sha1",
        "sha1 !!!",
        "sha1 AAAA",
        "sha256 " + "A" * 28,
    ],
)
def test_what_is_not_offered_or_malformed_is_refused(header: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        ChunkChecksum.parse(header)
