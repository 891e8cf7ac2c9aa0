"""tus 1.0.0: expiration, checksum, checksum trailer, termination"""

import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.conformance.outcomes import Subject
from tests.conformance.tus import BYTES, SETTLE_SECONDS, VERSION, Tus, checksum, encoded, pause
from tests.conformance.wire import Heard
from transfer.clock import SystemClock

pytestmark = pytest.mark.e2e

DATA = bytes(range(256)) * 40
WRONG = checksum("sha1", b"other bytes")
_clock = SystemClock()


def expiry(heard: Heard) -> datetime:
    """Return when an upload expires, which must be told as HTTP writes dates."""
    told = heard.headers.get("Upload-Expires")
    assert told is not None, heard
    assert told.endswith(" GMT"), told
    return parsedate_to_datetime(told).astimezone(UTC)


# ── expiration ───────────────────────────────────────────────────────────────────────────────


async def test_an_append_tells_the_expiry(tus: Tus) -> None:
    """Every answer to PATCH on an unfinished upload tells Upload-Expires, as an HTTP-date."""
    await tus.requires("expiration")
    path = await tus.begin(len(DATA))
    for answer in (await tus.patch(path, 0, DATA[:10]), await tus.patch(path, 10, DATA[10:20])):
        assert expiry(answer) > _clock.now()


async def test_a_creation_tells_the_expiry(tus: Tus) -> None:
    """Creation tells Upload-Expires if it is known then."""
    await tus.requires("expiration")
    assert expiry(await tus.create({"Upload-Length": "10"})) > _clock.now()


async def test_an_expired_upload_is_gone(tus: Tus, expiring: Subject) -> None:
    """An expired upload is answered 410, or 404 once it is forgotten, by HEAD and PATCH."""
    await tus.requires("expiration")
    brief = Tus(expiring)
    path = await brief.begin(len(DATA))
    deadline = _clock.monotonic() + SETTLE_SECONDS
    while (told := await brief.head(path)).is_success:
        assert _clock.monotonic() < deadline, told
        await pause()
    assert told.status in (404, 410), told
    assert (await brief.patch(path, 0, DATA)).status in (404, 410)


# ── checksum ─────────────────────────────────────────────────────────────────────────────────


async def test_sha1_is_offered(tus: Tus) -> None:
    """Of the checksums that OPTIONS tells, sha1 is one."""
    assert "sha1" in await tus.algorithms()


async def test_a_right_checksum_is_taken(tus: Tus) -> None:
    """Bytes with a right checksum are taken, by every announced algorithm that is known here."""
    for algorithm in set(await tus.algorithms()) & hashlib.algorithms_available:
        path = await tus.begin(len(DATA))
        answer = await tus.patch(path, 0, DATA[:1000], checksum(algorithm, DATA[:1000]))
        assert (answer.status, answer.headers.get("Upload-Offset")) == (204, "1000")


async def test_a_wrong_checksum_is_answered_460(tus: Tus) -> None:
    """Bytes with a wrong checksum are answered 460."""
    await tus.algorithms()
    path = await tus.begin(len(DATA))
    assert (await tus.patch(path, 0, DATA, WRONG)).status == 460


async def test_of_bytes_with_a_wrong_checksum_none_counts(tus: Tus) -> None:
    """Bytes with a wrong checksum are discarded: the offset stays, and the right ones fit in."""
    await tus.algorithms()
    path = await tus.begin(len(DATA))
    await tus.patch(path, 0, DATA[:1000])
    await tus.patch(path, 1000, b"y" * (len(DATA) - 1000), WRONG)
    assert await tus.offset(path) == 1000
    last = await tus.patch(path, 1000, DATA[1000:], checksum("sha1", DATA[1000:]))
    assert last.status == 204, last
    assert await tus.content(path) == DATA


@pytest.mark.parametrize(
    "sent",
    ["sha2048 YWJj", "sha1", "sha1 !!", "sha1 YWJj"],
    ids=["unknown", "bare", "no-base64", "too-short"],
)
async def test_an_unknown_checksum_is_answered_400(tus: Tus, sent: str) -> None:
    """An unknown algorithm, or a digest that is none, is answered 400; the offset stays."""
    await tus.algorithms()
    path = await tus.begin(len(DATA))
    answer = await tus.patch(path, 0, DATA, {"Upload-Checksum": sent})
    assert await tus.offset(path) == 0
    assert answer.status == 400, answer


async def test_a_checksum_counts_at_creation_too(tus: Tus) -> None:
    """Bytes that come with creation are checked as well: if they are wrong, none counts."""
    await tus.requires("checksum", "creation-with-upload")
    created = await tus.create({"Upload-Length": str(len(DATA)), **WRONG}, DATA)
    if "Location" in created.headers:
        assert await tus.offset(tus.target.path(created.headers["Location"])) == 0
    else:
        assert created.status == 460, created


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
async def test_a_checksum_may_trail_the_body(tus: Tus, *, right: bool) -> None:
    """A checksum may come as a trailer: a right one is taken, a wrong one answered 460."""
    await tus.requires("checksum-trailer")
    path = await tus.begin(3)
    digest = encoded(hashlib.sha1(b"abc" if right else b"xyz", usedforsecurity=False).digest())
    sent = {
        **tus.target.entrance,
        **VERSION,
        **BYTES,
        "Upload-Offset": "0",
        "Transfer-Encoding": "chunked",
        "Trailer": "Upload-Checksum",
    }
    async with tus.target.connection() as connection:
        await connection.begin("PATCH", path, sent)
        trailer = f"Upload-Checksum: sha1 {digest}\r\n\r\n"
        await connection.send(b"3\r\nabc\r\n0\r\n" + trailer.encode())
        answer = await connection.answer()
    assert answer.status == (204 if right else 460), answer
    assert await tus.offset(path) == (3 if right else 0)


# ── termination ──────────────────────────────────────────────────────────────────────────────


async def test_termination_is_answered_204(tus: Tus) -> None:
    """DELETE is answered 204."""
    await tus.requires("termination")
    assert (await tus.delete(await tus.begin(10))).status == 204


async def test_what_was_terminated_is_gone(tus: Tus) -> None:
    """After DELETE, HEAD, PATCH and DELETE are answered 404 or 410."""
    await tus.requires("termination")
    path = await tus.begin(10)
    await tus.patch(path, 0, b"abc")
    assert (await tus.delete(path)).status == 204
    answers = [await tus.head(path), await tus.patch(path, 3, b"def"), await tus.delete(path)]
    assert {answer.status for answer in answers} <= {404, 410}, answers
