"""tus 1.0.0: concatenation"""

import pytest

from tests.conformance.tus import Tus, metadata
from tests.conformance.wire import Heard

pytestmark = pytest.mark.e2e

FIRST, SECOND = b"a" * 3000, bytes(range(256)) * 10
PARTIAL = {"Upload-Concat": "partial"}
NAMED = metadata(filename="final.log")


async def piece(tus: Tus, data: bytes, *, send: bool = True) -> str:
    """Create a partial upload, and send its bytes."""
    await tus.requires("concatenation")
    path = await tus.begin(len(data), PARTIAL)
    if send:
        assert (await tus.patch(path, 0, data)).status == 204
    return path


async def join(tus: Tus, *urls: str) -> Heard:
    """Create a final upload."""
    return await tus.create({**NAMED, "Upload-Concat": f"final;{' '.join(urls)}"})


async def joined(tus: Tus, *urls: str) -> str:
    """Create a final upload that is expected to come to be, and return its path."""
    created = await join(tus, *urls)
    assert created.status == 201, created
    return tus.target.path(created.headers["Location"])


async def test_head_tells_that_an_upload_is_partial(tus: Tus) -> None:
    """HEAD of a partial upload tells Upload-Concat: partial, and its offset."""
    told = await tus.head(await piece(tus, FIRST))
    assert told.headers.get("Upload-Concat") == "partial", told
    assert told.headers.get("Upload-Offset") == str(len(FIRST)), told


async def test_pieces_become_a_file_in_their_order(tus: Tus) -> None:
    """A final upload is its pieces one after the other, in the order in which they are named."""
    first, second = await piece(tus, FIRST), await piece(tus, SECOND)
    final = await joined(tus, second, first)
    assert await tus.offset(final) == len(FIRST) + len(SECOND)
    assert await tus.content(final) == SECOND + FIRST


async def test_pieces_may_be_named_absolutely(tus: Tus) -> None:
    """Pieces may be named by absolute URLs and by paths."""
    first, second = await piece(tus, FIRST), await piece(tus, SECOND)
    final = await joined(tus, tus.target.absolute(first), second)
    assert await tus.offset(final) == len(FIRST) + len(SECOND)


async def test_head_tells_what_a_final_is_made_of(tus: Tus) -> None:
    """HEAD of a finished final upload tells Upload-Concat, with its pieces, and its length."""
    first, second = await piece(tus, FIRST), await piece(tus, SECOND)
    told = await tus.head(await joined(tus, first, second))
    final, _, pieces = told.headers.get("Upload-Concat", "").partition(";")
    assert final == "final", told
    assert [tus.target.path(url) for url in pieces.split()] == [first, second], told
    assert told.headers.get("Upload-Length") == str(len(FIRST) + len(SECOND)), told


async def test_metadata_of_pieces_is_not_inherited(tus: Tus) -> None:
    """A final upload has its own metadata, not that of its pieces."""
    await tus.requires("concatenation")
    note = metadata(note="of the piece")
    first = await tus.begin(3, {**PARTIAL, **note})
    assert (await tus.patch(first, 0, b"abc")).status == 204
    told = await tus.head(await joined(tus, first))
    assert told.headers.get("Upload-Metadata") == NAMED["Upload-Metadata"], told


async def test_a_piece_may_be_used_again(tus: Tus) -> None:
    """A piece may be used for several final uploads, and several times in one."""
    first, second = await piece(tus, FIRST), await piece(tus, SECOND)
    finals = [await joined(tus, first, second), await joined(tus, second, first, first)]
    assert await tus.offset(finals[0]) == len(FIRST) + len(SECOND)
    assert await tus.offset(finals[1]) == 2 * len(FIRST) + len(SECOND)
    assert await tus.content(finals[0]) == FIRST + SECOND


async def test_a_final_takes_no_bytes(tus: Tus) -> None:
    """PATCH on a final upload is answered 403."""
    final = await joined(tus, await piece(tus, FIRST))
    answer = await tus.patch(final, len(FIRST), b"more")
    assert answer.status == 403, answer


async def test_what_is_not_there_is_not_joined(tus: Tus) -> None:
    """A final upload of what isn't there is refused."""
    answer = await join(tus, await piece(tus, FIRST), await tus.unknown())
    assert answer.is_refusal, answer


async def test_unfinished_pieces_may_be_joined(tus: Tus) -> None:
    """A final upload of unfinished pieces has no offset until they are all there."""
    await tus.requires("concatenation-unfinished")
    first, second = await piece(tus, FIRST), await piece(tus, SECOND, send=False)
    final = await joined(tus, first, second)
    told = await tus.head(final)
    assert told.is_success, told
    assert "Upload-Offset" not in told.headers, told
    assert (await tus.patch(second, 0, SECOND)).status == 204
    assert await tus.offset(final) == len(FIRST) + len(SECOND)
    assert await tus.content(final) == FIRST + SECOND


async def test_unfinished_pieces_are_refused_by_who_does_not_offer_them(tus: Tus) -> None:
    """Who doesn't announce concatenation-unfinished refuses unfinished pieces."""
    announced = (await tus.requires("concatenation")).headers["Tus-Extension"]
    second = await piece(tus, SECOND, send=False)
    if "concatenation-unfinished" in announced:
        assert (await join(tus, second)).status == 201
    else:
        assert (await join(tus, second)).is_refusal
