"""RUFH: creation, offset retrieval, appending, cancellation"""

from urllib.parse import unquote

import pytest

from tests.conformance.rufh import PROBLEMS, Rufh, since
from tests.conformance.tus import SETTLE_SECONDS, Tus
from tests.conformance.wire import Heard

pytestmark = pytest.mark.e2e

DATA = bytes(range(256)) * 40
NAMED = {"Content-Disposition": "inline; filename*=UTF-8''tr%C3%A4ce.log"}


async def content(rufh: Rufh, path: str) -> bytes:
    """Return the bytes of a finished upload."""
    return await Tus(rufh.subject).content(path)


# ── Creation ─────────────────────────────────────────────────────────────────────────────────


async def test_an_empty_upload_is_answered_201_with_a_location(rufh: Rufh) -> None:
    """Creation of what goes on later is answered 201 with a Location."""
    created = await rufh.create(ends=False)
    assert (created.status, "Location" in created.headers) == (201, True), created


async def test_a_creation_may_bring_the_first_bytes(rufh: Rufh) -> None:
    """Creation may bring the first bytes: then the offset is behind them."""
    created = await rufh.create(DATA[:1000], ends=False)
    assert created.status == 201, created
    told = await rufh.head(rufh.target.path(created.headers["Location"]))
    assert told.headers.get("Upload-Offset") == "1000", told


async def test_a_file_is_sent_in_one_request(rufh: Rufh) -> None:
    """Creation may bring the whole file; since -06 its answer says that it is complete."""
    async with rufh.creating(len(DATA)) as connection:
        offer = await connection.next()
        await connection.send(DATA)
        answer = await connection.answer()
    assert answer.is_success, answer
    assert rufh.since < 7 or rufh.told_complete(answer), answer
    assert await content(rufh, rufh.target.path(offer.headers["Location"])) == DATA


async def test_a_creator_is_offered_to_resume_before_it_sends(rufh: Rufh) -> None:
    """Before a byte of the body is sent, 104 tells the Location of the upload."""
    async with rufh.creating(len(DATA)) as connection:
        offer = await connection.next()
    assert offer.status == 104, offer
    told = await rufh.head(rufh.target.path(offer.headers["Location"]))
    assert told.is_success, told


async def test_a_104_names_the_version(rufh: Rufh) -> None:
    """The 104 names the client's interop version, if the client has named one."""
    async with rufh.creating(len(DATA)) as connection:
        offer = await connection.next()
    wanted = None if rufh.version is None else str(rufh.version)
    assert offer.headers.get("Upload-Draft-Interop-Version") == wanted, offer


@since(6)
async def test_a_104_tells_the_limits(rufh: Rufh) -> None:
    """The 104 that tells the Location tells Upload-Limit too."""
    async with rufh.creating(len(DATA)) as connection:
        offer = await connection.next()
    assert "Upload-Limit" in offer.headers, offer


async def test_who_speaks_another_version_hears_no_104(final: Rufh) -> None:
    """A client whose interop version the server doesn't speak hears no 104."""
    other = Rufh(final.subject, 99)
    async with other.creating(len(DATA)) as connection:
        await connection.send(DATA)
        answer = await connection.answer()
    assert [heard.status for heard in answer.interim if heard.status == 104] == []


async def test_the_name_is_taken_from_content_disposition(final: Rufh) -> None:
    """The file's name is what Content-Disposition: inline; filename*= says."""
    path = await final.begin(NAMED)
    assert (await final.append(path, 0, DATA, ends=True)).is_success
    shown = await final.head(path, "GET")
    where = shown.headers.get("Content-Location", path)
    shown = await final.target.ask("GET", final.target.path(where), final.named)
    if "Content-Disposition" not in shown.headers:
        final.subject.not_seen("GET gives no name")
    told = unquote(shown.headers["Content-Disposition"])
    raw = told.encode("latin-1", "replace").decode(errors="replace")  # some send bare UTF-8
    assert "träce.log" in told or "träce.log" in raw, shown


async def test_urls_are_unguessable(rufh: Rufh) -> None:
    """An upload's URL is unguessable: 22 characters or more that have nothing in common."""
    first, second = [(await rufh.begin()).rpartition("/")[2] for _ in range(2)]
    same = sum(a == b for a, b in zip(first, second, strict=False))
    assert len(first) - same >= 16, (first, second)


# ── Offset retrieval ─────────────────────────────────────────────────────────────────────────


async def test_the_state_is_told(rufh: Rufh) -> None:
    """HEAD tells Upload-Offset, and that the upload isn't complete."""
    await state_told(rufh, "HEAD")


@since(7)
async def test_the_state_is_told_to_get_too(rufh: Rufh) -> None:
    """GET tells what HEAD tells."""
    await state_told(rufh, "GET")


async def test_the_state_at_the_end_is_told(rufh: Rufh) -> None:
    """HEAD of a complete upload tells that it is complete, and its offset."""
    path = await rufh.begin()
    assert (await rufh.append(path, 0, DATA, ends=True)).is_success
    told = await rufh.head(path)
    assert told.headers.get("Upload-Offset") == str(len(DATA)), told
    assert rufh.told_complete(told)


@since(7)
async def test_a_known_length_is_told(rufh: Rufh) -> None:
    """HEAD tells Upload-Length if it is known."""
    told = await rufh.head(await rufh.begin({"Upload-Length": "5000"}))
    assert told.headers.get("Upload-Length") == "5000", told


@since(7)
async def test_limits_are_told_by_head(rufh: Rufh) -> None:
    """HEAD tells Upload-Limit."""
    told = await rufh.head(await rufh.begin())
    assert "Upload-Limit" in told.headers, told


async def test_the_state_is_not_to_be_stored(rufh: Rufh) -> None:
    """HEAD carries Cache-Control: no-store."""
    told = await rufh.head(await rufh.begin())
    assert "no-store" in told.headers.get("Cache-Control", ""), told


# ── Appending ────────────────────────────────────────────────────────────────────────────────


async def test_appends_make_the_file(rufh: Rufh) -> None:
    """Bytes are appended by PATCH; since -06 answers say whether the upload is complete."""
    path = await rufh.begin()
    first = await rufh.append(path, 0, DATA[:5000], ends=False)
    assert first.is_success, first
    last = await rufh.append(path, 5000, DATA[5000:], ends=True)
    assert last.is_success, last
    if rufh.since >= 7:
        assert [rufh.told_complete(first), rufh.told_complete(last)] == [False, True]
    assert await content(rufh, path) == DATA


async def test_the_end_may_come_alone(rufh: Rufh) -> None:
    """An append without bytes may complete an upload."""
    path = await rufh.begin()
    assert (await rufh.append(path, 0, DATA, ends=False)).is_success
    last = await rufh.append(path, len(DATA), b"", ends=True)
    assert last.is_success, last
    assert await content(rufh, path) == DATA


@since(6)
async def test_another_media_type_is_answered_415(rufh: Rufh) -> None:
    """PATCH with another media type than application/partial-upload is answered 415."""
    path = await rufh.begin()
    other = {"Content-Type": "application/octet-stream"}
    answer = await rufh.append(path, 0, DATA, ends=False, headers=other)
    assert answer.status == 415, answer
    assert (await rufh.head(path)).headers.get("Upload-Offset") == "0"


async def test_a_wrong_offset_is_answered_409_with_the_right_one(rufh: Rufh) -> None:
    """PATCH at a wrong offset is answered 409 with the right one, and changes nothing."""
    path = await rufh.begin()
    assert (await rufh.append(path, 0, DATA[:1000], ends=False)).is_success
    for offset in (0, 999, 5000):
        answer = await rufh.append(path, offset, DATA[1000:], ends=True)
        assert (answer.status, answer.headers.get("Upload-Offset")) == (409, "1000"), answer
    told = await rufh.head(path)
    assert (told.headers.get("Upload-Offset"), rufh.told_complete(told)) == ("1000", False)


@since(7)
async def test_a_409_says_that_the_upload_is_not_complete(rufh: Rufh) -> None:
    """The 409 says that the upload isn't complete."""
    answer = await rufh.append(await rufh.begin(), 5, DATA, ends=True)
    assert answer.status == 409, answer
    assert not rufh.told_complete(answer)


@since(7)
async def test_a_409_names_its_problem(rufh: Rufh) -> None:
    """The 409 is the problem mismatching-upload-offset, with both offsets."""
    answer = await rufh.append(await rufh.begin(), 5, DATA, ends=True)
    problem = problem_of(rufh, answer)
    assert problem["type"] == f"{PROBLEMS}mismatching-upload-offset"
    assert (problem["expected-offset"], problem["provided-offset"]) == (0, 5)


@since(7)
async def test_an_inconsistent_length_is_answered_400(rufh: Rufh) -> None:
    """A length that contradicts an earlier one is answered 400, inconsistent-upload-length."""
    path = await rufh.begin({"Upload-Length": "5000"})
    answer = await rufh.append(path, 0, DATA[:10], ends=False, headers={"Upload-Length": "6000"})
    assert answer.status == 400, answer
    assert problem_of(rufh, answer)["type"] == f"{PROBLEMS}inconsistent-upload-length"


@since(5)
async def test_an_append_hears_progress_without_a_location(rufh: Rufh) -> None:
    """A long append hears by 104 how far it is: ascending, what was sent at most, no Location."""
    sent, path = DATA * 100, await rufh.begin()
    async with rufh.target.connection() as connection:
        await connection.begin("PATCH", path, rufh.appending(0, ends=True), size=2 * len(sent))
        await connection.send(sent)
        heard = await connection.next_or_none(SETTLE_SECONDS)
        if heard is None:
            rufh.subject.not_offered("104 with Upload-Offset")
        told = int(heard.headers["Upload-Offset"])
        await connection.send(sent)
        answer = await connection.answer()
    offsets = [told, *(int(each.headers["Upload-Offset"]) for each in answer.interim)]
    assert heard.status == 104, heard
    assert "Location" not in heard.headers, heard
    assert offsets == sorted(offsets), offsets
    assert (told <= len(sent), offsets[-1] <= 2 * len(sent)) == (True, True), offsets


# ── Cancellation and limits ──────────────────────────────────────────────────────────────────


async def test_cancellation_is_answered_204(rufh: Rufh) -> None:
    """DELETE is answered 204, and afterwards the upload is gone: 404 or 410."""
    path = await rufh.begin()
    assert (await rufh.delete(path)).status == 204
    assert (await rufh.head(path)).status in (404, 410)
    assert (await rufh.append(path, 0, DATA, ends=True)).status in (404, 410)


@since(7)
async def test_options_tells_the_limits(rufh: Rufh) -> None:
    """OPTIONS tells Upload-Limit: known limits, each with a number."""
    told = await rufh.target.ask("OPTIONS", rufh.target.create, rufh.named)
    limits = dict(
        limit.strip().split("=", 1) for limit in told.headers.get("Upload-Limit", "").split(",")
    )
    known = {"max-size", "min-size", "max-append-size", "min-append-size", "max-age"}
    assert set(limits) & known, told
    assert all(limits[name].isdecimal() for name in set(limits) & known), told


def problem_of(rufh: Rufh, answer: Heard) -> dict[str, object]:
    """Return what an answer says of its problem."""
    kind = answer.headers.get("Content-Type", "")
    assert kind.startswith("application/problem+json"), answer
    return answer.json()


async def state_told(rufh: Rufh, method: str) -> None:
    """See that an unfinished upload is told as such."""
    path = await rufh.begin()
    assert (await rufh.append(path, 0, DATA[:1000], ends=False)).is_success
    told = await rufh.head(path, method)
    assert told.headers.get("Upload-Offset") == "1000", told
    assert not rufh.told_complete(told)
