"""Content-Digest, Repr-Digest and who wants which (RFC 9530)."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from transfer.core.errors import ChecksumMismatchError, InvalidRequestError
from transfer.http.digests import content_checksum, promised_sha256, representation_digest

DATA = b"the bytes of a request"
SHA256, SHA512 = hashlib.sha256(DATA), hashlib.sha512(DATA)


def field(digest: bytes) -> str:
    return f":{base64.b64encode(digest).decode()}:"


def fields(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    "told",
    [
        f"sha-256={field(SHA256.digest())}",
        f"sha-512={field(SHA512.digest())}",
        f"md5={field(b'whatever')}, sha-256={field(SHA256.digest())}",
        f"sha-512={field(SHA512.digest())}, sha-256={field(SHA256.digest())}",
    ],
)
def test_what_is_known_of_a_content_s_digests_is_checked(told: str) -> None:
    right, wrong = (content_checksum(fields(("content-digest", told))) for _ in range(2))
    assert right is not None
    assert wrong is not None
    right.update(DATA)
    right.verify()
    wrong.update(DATA[1:])
    with pytest.raises(ChecksumMismatchError):
        wrong.verify()


def test_one_wrong_digest_of_two_is_enough() -> None:
    told = f"sha-512={field(SHA512.digest())}, sha-256={field(hashlib.sha256(b'x').digest())}"
    checksum = content_checksum(fields(("Content-Digest", told)))
    assert checksum is not None
    checksum.update(DATA)
    with pytest.raises(ChecksumMismatchError):
        checksum.verify()


@pytest.mark.parametrize("told", ["", "md5=:AAAA:", "unixsum=30637, crc32c=:AAAAAA==:"])
def test_unknown_algorithms_are_passed_over(told: str) -> None:
    assert content_checksum(fields(("Content-Digest", told))) is None
    assert promised_sha256(fields(("Repr-Digest", told))) is None


@pytest.mark.parametrize(
    "told",
    [
        "sha-256",
        "sha-256=AAAA",
        "sha-256=:AAAA:",
        "sha-256=:AA",
        "sha-256=5",
        f"sha-512={field(SHA256.digest())}",
        "SHA-256=:AAAA:",
    ],
)
def test_what_cannot_be_a_digest_is_refused(told: str) -> None:
    with pytest.raises(InvalidRequestError, match="Content-Digest"):
        content_checksum(fields(("Content-Digest", told)))
    with pytest.raises(InvalidRequestError, match="Repr-Digest"):
        promised_sha256(fields(("Repr-Digest", told)))


def test_nothing_told_is_nothing_to_check() -> None:
    assert content_checksum(fields()) is None
    assert promised_sha256(fields()) is None


@given(st.binary(min_size=32, max_size=32))
def test_a_file_s_digest_is_read_as_it_is_told(digest: bytes) -> None:
    told = representation_digest(fields(), digest.hex())
    assert promised_sha256(fields(*told.items())) == digest.hex()


@pytest.mark.parametrize(
    ("wanted", "is_told"),
    [
        ("sha-256=1", True),
        ("sha-512=10, sha-256=3", True),
        ("sha-512=10", True),
        ("sha-256=0", False),
        ("sha-512=10, sha-256=0", False),
        ("nonsense=", True),
    ],
)
def test_a_file_s_digest_is_told_unless_it_is_not_wanted(wanted: str, *, is_told: bool) -> None:
    told = representation_digest(fields(("Want-Repr-Digest", wanted)), SHA256.hexdigest())
    assert bool(told) is is_told
