"""RUFH: digests of what is sent and of the whole file (RFC 9530)"""

import hashlib

import pytest

from tests.conformance.rufh import Rufh
from tests.conformance.tus import Tus, encoded

pytestmark = pytest.mark.e2e

DATA = bytes(range(256)) * 40


def digest(name: str, data: bytes) -> dict[str, str]:
    """Return the field that tells a SHA-256."""
    return {name: f"sha-256=:{encoded(hashlib.sha256(data).digest())}:"}


async def test_bytes_with_a_right_digest_are_taken(final: Rufh) -> None:
    """An append with a right Content-Digest is taken."""
    path = await final.begin()
    answer = await final.append(path, 0, DATA, ends=True, headers=digest("Content-Digest", DATA))
    assert answer.is_success, answer
    assert await Tus(final.subject).content(path) == DATA


async def test_bytes_with_a_wrong_digest_do_not_count(final: Rufh) -> None:
    """An append with a wrong Content-Digest is refused, and none of its bytes counts."""
    path = await final.begin()
    wrong = digest("Content-Digest", b"other")
    answer = await final.append(path, 0, DATA, ends=False, headers=wrong)
    if answer.is_success:
        final.subject.not_offered("Content-Digest")
    assert answer.is_refusal, answer
    assert (await final.head(path)).headers.get("Upload-Offset") == "0"


async def test_the_digest_of_the_file_is_told_to_who_wants_it(final: Rufh) -> None:
    """Want-Repr-Digest is answered with the Repr-Digest of the whole file."""
    path = await final.begin()
    want = {"Want-Repr-Digest": "sha-256=10"}
    assert (await final.append(path, 0, DATA[:500], ends=False)).is_success
    answer = await final.append(path, 500, DATA[500:], ends=True, headers=want)
    told = answer.headers.get("Repr-Digest")
    if told is None:
        final.subject.not_offered("Want-Repr-Digest")
    assert told == digest("Repr-Digest", DATA)["Repr-Digest"], answer


async def test_a_file_with_another_digest_is_refused(final: Rufh) -> None:
    """A file that isn't what Repr-Digest says is refused at its end, and isn't complete."""
    path = await final.begin()
    wrong = digest("Repr-Digest", b"other")
    answer = await final.append(path, 0, DATA, ends=True, headers=wrong)
    if answer.is_success:
        final.subject.not_offered("Repr-Digest")
    assert answer.is_refusal, answer
    told = await final.head(path)
    assert not (told.is_success and final.told_complete(told)), told
