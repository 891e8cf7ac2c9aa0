"""tus 1.0.0: core protocol"""

import pytest

from tests.conformance.tus import BYTES, VERSION, Tus, metadata

pytestmark = pytest.mark.e2e

DATA = bytes(range(256)) * 40
OTHER = {"Tus-Resumable": "0.2.2"}


async def test_every_answer_names_the_version(tus: Tus) -> None:
    """Every answer but that to OPTIONS carries Tus-Resumable: 1.0.0, refusals included."""
    created = await tus.create({"Upload-Length": "10"})
    path = tus.target.path(created.headers["Location"])
    answers = [
        created,
        await tus.head(path),
        await tus.patch(path, 7, b"x"),
        await tus.patch(path, 0, b"x"),
        await tus.head(await tus.unknown()),
    ]
    assert [answer.headers.get("Tus-Resumable") for answer in answers] == ["1.0.0"] * 5


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH"])
async def test_another_version_is_answered_412(tus: Tus, method: str) -> None:
    """A request of an unsupported version is answered 412."""
    if method == "POST":
        answer = await tus.create({**OTHER, "Upload-Length": "10"})
    elif method == "HEAD":
        answer = await tus.head(await tus.begin(10), OTHER)
    else:
        answer = await tus.patch(await tus.begin(10), 0, b"abc", OTHER)
    assert answer.status == 412, answer


async def test_the_412_carries_tus_version(tus: Tus) -> None:
    """The 412 carries Tus-Version."""
    path = await tus.begin(len(DATA))
    answer = await tus.patch(path, 0, DATA, OTHER)
    assert "1.0.0" in answer.headers.get("Tus-Version", ""), answer


async def test_a_request_of_another_version_is_not_processed(tus: Tus) -> None:
    """A request of an unsupported version isn't processed."""
    path = await tus.begin(len(DATA))
    await tus.patch(path, 0, DATA, OTHER)
    assert await tus.offset(path) == 0


async def test_an_append_of_no_version_is_not_processed(tus: Tus) -> None:
    """An append without Tus-Resumable is refused and isn't processed."""
    path = await tus.begin(len(DATA))
    sent = {**BYTES, "Upload-Offset": "0"}
    answer = await tus.target.ask("PATCH", path, sent, DATA)
    assert answer.is_refusal, answer
    assert await tus.offset(path) == 0


async def test_a_method_is_overridden(tus: Tus) -> None:
    """X-HTTP-Method-Override replaces the method."""
    path = await tus.begin(len(DATA))
    sent = {**VERSION, **BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = await tus.target.ask("POST", path, sent, DATA)
    assert answer.status == 204, answer
    assert await tus.offset(path) == len(DATA)


# ── OPTIONS ──────────────────────────────────────────────────────────────────────────────────


async def test_options_succeeds(tus: Tus) -> None:
    """OPTIONS is answered 204 or 200."""
    assert (await tus.options()).status in (200, 204)


async def test_options_tells_the_versions(tus: Tus) -> None:
    """OPTIONS tells Tus-Version."""
    assert "1.0.0" in (await tus.options()).headers.get("Tus-Version", "").split(",")


async def test_options_tells_the_extensions(tus: Tus) -> None:
    """OPTIONS tells Tus-Extension, without which creation isn't to be expected."""
    assert "creation" in (await tus.options()).headers.get("Tus-Extension", "")


async def test_options_ignores_the_client_s_version(tus: Tus) -> None:
    """OPTIONS ignores the client's Tus-Resumable."""
    assert (await tus.options(OTHER)).status in (200, 204)


async def test_a_limit_is_a_number(tus: Tus) -> None:
    """Tus-Max-Size, if there is one, is a number of bytes."""
    told = (await tus.options()).headers.get("Tus-Max-Size")
    if told is None:
        tus.subject.not_offered("Tus-Max-Size")
    assert told.isdecimal(), told


# ── HEAD ─────────────────────────────────────────────────────────────────────────────────────


async def test_head_succeeds(tus: Tus) -> None:
    """HEAD is answered 200 or 204."""
    assert (await tus.head(await tus.begin(10))).status in (200, 204)


async def test_head_tells_the_offset_at_the_beginning(tus: Tus) -> None:
    """HEAD tells Upload-Offset, also if it is 0."""
    assert (await tus.head(await tus.begin(10))).headers.get("Upload-Offset") == "0"


async def test_head_tells_the_offset_in_the_middle(tus: Tus) -> None:
    """HEAD tells how many bytes are there."""
    path = await tus.begin(len(DATA))
    await tus.patch(path, 0, DATA[:1000])
    assert (await tus.head(path)).headers.get("Upload-Offset") == "1000"


async def test_head_tells_the_offset_at_the_end(tus: Tus) -> None:
    """HEAD of a complete upload tells Upload-Offset too, and it is the length."""
    path = await tus.begin(len(DATA))
    await tus.patch(path, 0, DATA)
    told = await tus.head(path)
    assert told.headers.get("Upload-Offset") == str(len(DATA)), told
    assert told.headers.get("Upload-Length") == str(len(DATA)), told


async def test_head_tells_the_length(tus: Tus) -> None:
    """HEAD tells Upload-Length if it is known."""
    assert (await tus.head(await tus.begin(10))).headers.get("Upload-Length") == "10"


async def test_head_tells_that_the_length_is_not_known(tus: Tus) -> None:
    """HEAD tells Upload-Defer-Length: 1 if the length isn't known yet, and no length."""
    await tus.requires("creation-defer-length")
    told = await tus.head(await tus.begin(None))
    assert told.headers.get("Upload-Defer-Length") == "1", told
    assert "Upload-Length" not in told.headers, told


async def test_head_tells_the_metadata_as_sent(tus: Tus) -> None:
    """HEAD tells Upload-Metadata exactly as it was sent."""
    sent = metadata(filename="trace.log", note="änderung") | {}
    sent["Upload-Metadata"] += ",empty"
    told = await tus.head(await tus.begin(10, sent))
    assert told.headers.get("Upload-Metadata") == sent["Upload-Metadata"], told


async def test_head_is_not_to_be_stored(tus: Tus) -> None:
    """HEAD carries Cache-Control: no-store."""
    told = await tus.head(await tus.begin(10))
    assert "no-store" in told.headers.get("Cache-Control", ""), told


async def test_head_of_a_missing_upload_is_refused_without_an_offset(tus: Tus) -> None:
    """HEAD of what isn't there is answered 404, 410 or 403, without an offset."""
    told = await tus.head(await tus.unknown())
    assert told.status in (403, 404, 410), told
    assert "Upload-Offset" not in told.headers, told


# ── PATCH ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["application/octet-stream", None], ids=["other", "none"])
async def test_another_content_type_is_answered_415(tus: Tus, kind: str | None) -> None:
    """PATCH with any other Content-Type, or with none, is answered 415 and changes nothing."""
    path = await tus.begin(len(DATA))
    sent = {**VERSION, "Upload-Offset": "0", **({"Content-Type": kind} if kind else {})}
    answer = await tus.target.ask("PATCH", path, sent, DATA)
    assert answer.status == 415, answer
    assert await tus.offset(path) == 0


@pytest.mark.parametrize("offset", [0, 999, 1001], ids=["again", "before", "beyond"])
async def test_a_wrong_offset_is_answered_409_and_changes_nothing(tus: Tus, offset: int) -> None:
    """PATCH at another offset than the upload's is answered 409 and changes nothing."""
    path = await tus.begin(len(DATA))
    await tus.patch(path, 0, DATA[:1000])
    answer = await tus.patch(path, offset, b"x" * 100)
    assert answer.status == 409, answer
    assert await tus.offset(path) == 1000


async def test_patch_tells_the_new_offset(tus: Tus) -> None:
    """PATCH is answered 204 with the new Upload-Offset."""
    path = await tus.begin(len(DATA))
    answer = await tus.patch(path, 0, DATA[:1000])
    assert answer.status == 204, answer
    assert answer.headers.get("Upload-Offset") == "1000", answer


async def test_patches_make_the_file(tus: Tus) -> None:
    """What is appended by several requests is, byte for byte, the file."""
    path = await tus.begin(len(DATA))
    for start in range(0, len(DATA), 3000):
        answer = await tus.patch(path, start, DATA[start : start + 3000])
        assert answer.status == 204, answer
    assert await tus.content(path) == DATA


async def test_a_body_without_a_length_is_taken(tus: Tus) -> None:
    """PATCH takes a body in chunks, whose length nobody tells beforehand."""
    path = await tus.begin(6)
    sent = {**VERSION, **BYTES, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}
    async with tus.target.connection() as connection:
        await connection.begin("PATCH", path, {**tus.target.entrance, **sent})
        await connection.send(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
        answer = await connection.answer()
    assert answer.status == 204, answer
    assert await tus.offset(path) == 6


async def test_patch_of_a_missing_upload_is_answered_404(tus: Tus) -> None:
    """PATCH of what isn't there is answered 404 (or 410, or 403)."""
    answer = await tus.patch(await tus.unknown(), 0, DATA)
    assert answer.status in (403, 404, 410), answer
