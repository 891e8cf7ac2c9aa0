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


@pytest.mark.parametrize(
    "header", ["", "md5 AAAA", "sha1", "sha1 !!!", "sha1 AAAA", "sha256 " + "A" * 28]
)
def test_what_is_not_offered_or_malformed_is_refused(header: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        ChunkChecksum.parse(header)
