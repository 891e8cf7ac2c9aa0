"""Beyond the specifications: malformed requests, and what nobody should be able to guess"""

import asyncio
from collections.abc import Mapping

import pytest

from tests.conformance.tus import BYTES, VERSION, Tus
from tests.conformance.wire import Heard

pytestmark = pytest.mark.e2e

DATA = b"x" * 1000
LENGTH = 5000


async def said(tus: Tus, path: str, headers: Mapping[str, str], rest: bytes) -> Heard | None:
    """Append with these fields and what follows them; return the answer, None for a hang-up."""
    head = {**tus.target.entrance, **VERSION, **BYTES, "Upload-Offset": "0", **headers}
    async with tus.target.connection() as connection:
        await connection.begin("PATCH", path, head)
        await connection.send(rest)
        try:
            return await connection.answer()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None


async def refused(tus: Tus, headers: Mapping[str, str], rest: bytes = b"") -> None:
    """Append, and see that it is refused, and that nothing of it is kept."""
    path = await tus.begin(LENGTH)
    answer = await said(tus, path, headers, rest)
    assert answer is None or answer.is_refusal, answer
    assert await tus.offset(path) == 0


@pytest.mark.parametrize(
    "offset",
    ["", "-1", "1.5", "0x0", "0 0", str(2**63), "9" * 40],
    ids=["empty", "negative", "fraction", "hex", "two", "2^63", "40-digits"],
)
async def test_an_offset_is_a_number(tus: Tus, offset: str) -> None:
    """PATCH with an Upload-Offset that is no count of bytes is refused, and changes nothing."""
    await refused(tus, {"Upload-Offset": offset, "Content-Length": "1000"}, DATA)


async def test_an_append_needs_an_offset(tus: Tus) -> None:
    """PATCH without an Upload-Offset is refused, and changes nothing."""
    path = await tus.begin(LENGTH)
    answer = await tus.target.ask("PATCH", path, {**VERSION, **BYTES}, DATA)
    assert answer.is_refusal, answer
    assert await tus.offset(path) == 0


async def test_two_lengths_smuggle_nothing(tus: Tus) -> None:
    """A request with Content-Length and Transfer-Encoding is refused, or the last on its line."""
    path = await tus.begin(LENGTH)
    both = {"Upload-Offset": "0", "Content-Length": "5", "Transfer-Encoding": "chunked"}
    smuggled = f"0\r\n\r\nOPTIONS {tus.target.create} HTTP/1.1\r\nHost: x\r\n\r\n"
    async with tus.target.connection() as connection:
        head = {**tus.target.entrance, **VERSION, **BYTES, **both}
        await connection.begin("PATCH", path, head)
        await connection.send(smuggled.encode())
        assert (await connection.answer()).status < 500
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await connection.answer()


async def test_a_chunk_without_a_size_is_refused(tus: Tus) -> None:
    """A body in chunks whose size is no number is refused, and changes nothing."""
    await refused(tus, {"Transfer-Encoding": "chunked"}, b"zz\r\nabc\r\n0\r\n\r\n")


async def test_a_body_length_is_a_number(tus: Tus) -> None:
    """A request with a negative Content-Length is refused, and changes nothing."""
    await refused(tus, {"Content-Length": "-5"}, DATA)


async def test_huge_headers_are_refused(tus: Tus) -> None:
    """A request with a field of 2 MiB is refused, and changes nothing."""
    await refused(tus, {"X-Huge": "x" * (2 << 20), "Content-Length": "1000"}, DATA)


async def test_a_file_does_not_grow_beyond_its_length(tus: Tus) -> None:
    """Bytes beyond the announced length are refused: the offset is never behind the length."""
    path = await tus.begin(100)
    answer = await tus.patch(path, 0, DATA)
    assert answer.is_refusal, answer
    assert await tus.offset(path) <= 100


async def test_a_file_does_not_grow_beyond_its_length_in_chunks(tus: Tus) -> None:
    """The same goes for a body in chunks, whose length nobody tells beforehand."""
    path = await tus.begin(100)
    chunks = b"3e8\r\n" + DATA + b"\r\n0\r\n\r\n"
    answer = await said(tus, path, {"Transfer-Encoding": "chunked"}, chunks)
    assert answer is None or answer.is_refusal, answer
    assert await tus.offset(path) <= 100


@pytest.mark.parametrize(
    "sent", ["a YQ==,a Yg==", "a !!", ",", "a YQ==,,b Yg==", "a YQ== Yg=="],
    ids=["twice", "no-base64", "no-key", "empty-pair", "two-values"],
)  # fmt: skip
async def test_malformed_metadata_is_refused(tus: Tus, sent: str) -> None:
    """Metadata with a key twice, without a key, or with a value that isn't Base64, is refused."""
    answer = await tus.create({"Upload-Length": "10", "Upload-Metadata": sent})
    assert answer.is_refusal, answer


async def test_urls_are_unguessable(tus: Tus) -> None:
    """An upload's URL is unguessable: 22 characters or more that have nothing in common."""
    first, second = [(await tus.begin(10)).rpartition("/")[2] for _ in range(2)]
    same = sum(a == b for a, b in zip(first, second, strict=False))
    assert len(first) - same >= 16, (first, second)
    assert len(first) >= 22, first


async def test_a_whole_upload_is_no_piece(tus: Tus) -> None:
    """A final upload of what is there, but isn't partial, is refused."""
    await tus.requires("concatenation")
    whole = await tus.begin(3)
    assert (await tus.patch(whole, 0, b"abc")).status == 204
    answer = await tus.create({"Upload-Concat": f"final;{whole}"})
    assert answer.is_refusal, answer
