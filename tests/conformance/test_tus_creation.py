"""tus 1.0.0: creation, with upload, with a deferred length"""

import pytest

from tests.conformance.tus import VERSION, Tus, metadata

pytestmark = pytest.mark.e2e

DATA = bytes(range(256)) * 40


async def test_creation_is_answered_201_with_a_location(tus: Tus) -> None:
    """Creation is answered 201 with a Location that HEAD knows."""
    created = await tus.create({"Upload-Length": "10"})
    assert created.status == 201, created
    assert await tus.offset(tus.target.path(created.headers["Location"])) == 0


async def test_creation_needs_a_length(tus: Tus) -> None:
    """Creation without Upload-Length and without Upload-Defer-Length is answered 400."""
    assert (await tus.create()).status == 400


@pytest.mark.parametrize("value", ["0", "2", "true", ""])
async def test_a_length_is_deferred_by_one_only(tus: Tus, value: str) -> None:
    """Creation with any other Upload-Defer-Length than 1 is answered 400."""
    await tus.requires("creation-defer-length")
    answer = await tus.create({"Upload-Defer-Length": value})
    assert answer.status == 400, answer


@pytest.mark.parametrize("value", ["-1", "1.5", "ten", "0x10", "9" * 40])
async def test_a_length_is_a_number(tus: Tus, value: str) -> None:
    """Creation with an Upload-Length that is no count of bytes is refused."""
    answer = await tus.create({"Upload-Length": value})
    assert answer.is_refusal, answer


async def test_an_empty_file_is_complete_at_once(tus: Tus) -> None:
    """Creation with Upload-Length: 0 is complete at once."""
    path = await tus.begin(0)
    told = await tus.head(path)
    assert (told.headers.get("Upload-Offset"), told.headers.get("Upload-Length")) == ("0", "0")
    assert await tus.content(path) == b""


async def test_what_is_too_big_is_answered_413(tus: Tus) -> None:
    """Creation with a length above Tus-Max-Size is answered 413."""
    limit = (await tus.options()).headers.get("Tus-Max-Size")
    if limit is None:
        tus.subject.not_offered("Tus-Max-Size")
    answer = await tus.create({"Upload-Length": str(int(limit) + 1)})
    assert answer.status == 413, answer


async def test_a_value_of_metadata_may_be_empty(tus: Tus) -> None:
    """Metadata may have a key without a value, with or without a space after it."""
    for sent in ("empty", "empty ", "filename YS5sb2c=,empty"):
        answer = await tus.create({"Upload-Length": "10", "Upload-Metadata": sent})
        assert answer.status == 201, (sent, answer)


# ── With the first bytes ─────────────────────────────────────────────────────────────────────


async def test_creation_takes_the_first_bytes(tus: Tus) -> None:
    """Creation with the first bytes is answered 201 with Upload-Offset."""
    await tus.requires("creation-with-upload")
    created = await tus.create({"Upload-Length": str(len(DATA))}, DATA[:1000])
    assert created.status == 201, created
    assert created.headers.get("Upload-Offset") == "1000", created
    assert await tus.offset(tus.target.path(created.headers["Location"])) == 1000


async def test_creation_takes_the_whole_file(tus: Tus) -> None:
    """Creation with all bytes makes the file."""
    await tus.requires("creation-with-upload")
    path = await tus.begin(len(DATA), metadata(filename="whole.log"), DATA)
    assert await tus.offset(path) == len(DATA)
    assert await tus.content(path) == DATA


async def test_bytes_of_another_type_do_not_count(tus: Tus) -> None:
    """What comes with creation under another Content-Type isn't taken for bytes of the file."""
    await tus.requires("creation-with-upload")
    other = {"Upload-Length": str(len(DATA)), "Content-Type": "text/plain"}
    created = await tus.create(other, DATA)
    if created.is_success:
        assert await tus.offset(tus.target.path(created.headers["Location"])) == 0
    else:
        assert created.is_refusal, created


async def test_a_client_that_waits_is_told_to_go_on(tus: Tus) -> None:
    """A client that sends Expect: 100-continue hears 100 before it sends the bytes."""
    await tus.requires("creation-with-upload")
    sent = {
        **tus.target.entrance,
        **VERSION,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Length": str(len(DATA)),
        "Expect": "100-continue",
    }
    async with tus.target.connection() as connection:
        await connection.begin("POST", tus.target.create, sent, size=len(DATA))
        assert (await connection.next()).status == 100
        await connection.send(DATA)
        answer = await connection.answer()
    assert (answer.status, answer.headers.get("Upload-Offset")) == (201, str(len(DATA)))


# ── With a deferred length ───────────────────────────────────────────────────────────────────


async def test_the_length_may_come_later(tus: Tus) -> None:
    """The length arrives with a later PATCH, and HEAD tells it from then on."""
    await tus.requires("creation-defer-length")
    path = await tus.begin(None)
    assert (await tus.patch(path, 0, DATA[:1000])).status == 204
    told = await tus.patch(path, 1000, DATA[1000:2000], {"Upload-Length": str(len(DATA))})
    assert told.status == 204, told
    told = await tus.head(path)
    assert told.headers.get("Upload-Length") == str(len(DATA)), told
    assert "Upload-Defer-Length" not in told.headers, told


async def test_the_last_bytes_may_bring_the_length(tus: Tus) -> None:
    """The length may arrive with the last bytes, which complete the upload."""
    await tus.requires("creation-defer-length")
    path = await tus.begin(None)
    assert (await tus.patch(path, 0, DATA[:1000])).status == 204
    last = await tus.patch(path, 1000, DATA[1000:], {"Upload-Length": str(len(DATA))})
    assert last.status == 204, last
    assert await tus.content(path) == DATA


async def test_the_length_may_come_last_of_all(tus: Tus) -> None:
    """The length may arrive after all bytes, with a PATCH that has none."""
    await tus.requires("creation-defer-length")
    path = await tus.begin(None)
    assert (await tus.patch(path, 0, DATA)).status == 204
    last = await tus.patch(path, len(DATA), b"", {"Upload-Length": str(len(DATA))})
    assert last.status == 204, last
    assert await tus.content(path) == DATA


async def test_a_length_once_told_stays(tus: Tus) -> None:
    """A length that is known doesn't change any more: who tells another one is refused."""
    await tus.requires("creation-defer-length")
    path = await tus.begin(None)
    assert (await tus.patch(path, 0, DATA[:1000], {"Upload-Length": "5000"})).status == 204
    answer = await tus.patch(path, 1000, b"x", {"Upload-Length": "6000"})
    assert (await tus.head(path)).headers.get("Upload-Length") == "5000"
    assert answer.is_refusal, answer
