"""Answers to small PUTs, however they come: each whole, and none taken for that of another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.storage.fake_s3 import Asked, FakeS3, answering, fake_s3, until
from transfer.storage.s3_put_links import Answer, AnswerUnreadableError, PutLinks

NO = b"<Error><Code>AccessDenied</Code></Error>"
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def linked(fake: FakeS3, *, limit: int = 4) -> AsyncIterator[PutLinks]:
    port = int((fake.settings.endpoint_url or "").rpartition(":")[2])
    links = PutLinks("127.0.0.1", port, trust=None, limit=limit, connect_seconds=5, read_seconds=5)
    try:
        yield links
    finally:
        await links.close()


async def settle() -> None:
    """Let what is on its way arrive."""
    for _ in range(5):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)


def saying(*pieces: bytes, closes: bool = False) -> "Pieces":
    return Pieces(pieces, closes=closes)


class Pieces:
    """Answers the first request with these pieces, one after the other, the next with OK."""

    def __init__(self, pieces: tuple[bytes, ...], *, closes: bool) -> None:
        self._left = list(pieces)
        self._closes = closes

    async def __call__(self, _: Asked, writer: asyncio.StreamWriter) -> None:
        pieces, self._left = self._left or [DONE], []
        closes, self._closes = self._closes, False
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await settle()  # so that pieces come one by one
        if closes:
            raise ConnectionAbortedError


REFUSED = b"HTTP/1.1 403 Forbidden\r\ncontent-LENGTH:%d\r\n\r\n%b" % (len(NO), NO)
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(NO), NO)


@pytest.mark.parametrize(
    ("pieces", "answer", "goes_on"),
    [
        ([DONE], (200, b""), True),
        ([DONE[:5], DONE[5:20], DONE[20:]], (200, b""), True),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], (204, b""), True),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", DONE], (200, b""), True),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + DONE], (200, b""), True),
        ([REFUSED[:-5], REFUSED[-5:]], (403, NO), True),
        ([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"], (200, b""), False),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"], (200, b""), False),
        ([DONE + DONE], (200, b""), False),
        (
            [b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNKED[:9], CHUNKED[9:]],
            (403, CHUNKED),
            False,
        ),
    ],
)
async def test_an_answer_is_read_to_its_end_and_the_connection_used_again_if_it_can_be(
    pieces: list[bytes], answer: tuple[int, bytes], *, goes_on: bool
) -> None:
    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = saying(*pieces)
        assert await links.put("/b/k", {"host": "x"}, b"body") == Answer(*answer)
        assert await links.put("/b/k", {"host": "x"}, b"other") == Answer(200, b"")
        assert len(fake.connections) == (1 if goes_on else 2)
    assert [asked.body for asked in fake.asked] == [b"body", b"other"]


async def test_an_answer_that_ends_with_its_connection_is_whole() -> None:
    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = Ending(b"HTTP/1.1 403 Forbidden\r\n\r\n" + NO)
        assert await links.put("/b/k", {"host": "x"}, b"body") == Answer(403, NO)


class Ending:
    """Answers, and ends the connection in an orderly way."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    async def __call__(self, _: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(self._answer)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
    ],
)
async def test_what_breaks_off_or_is_no_answer_is_no_success(answer: bytes) -> None:
    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = Ending(answer)
        with pytest.raises((AnswerUnreadableError, ConnectionError)):
            await links.put("/b/k", {"host": "x"}, b"body")
        fake.answer = saying(DONE)
        assert await links.put("/b/k", {"host": "x"}, b"body") == Answer(200, b"")


async def test_a_head_without_an_end_is_not_kept() -> None:
    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 17))
        with pytest.raises(AnswerUnreadableError):
            await links.put("/b/k", {"host": "x"}, b"body")


async def test_of_a_long_error_only_the_beginning_is_read() -> None:
    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = answering("500 Internal Server Error", NO + b" " * (1 << 20))
        status, text, _ = await links.put("/b/k", {"host": "x"}, b"body")
        assert (status, text[: len(NO)], len(text)) == (500, NO, 1 << 16)


async def test_what_a_store_says_unasked_is_no_answer_to_the_next_request() -> None:
    spoken = asyncio.Event()

    async def ok_and_more(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(DONE)
        await writer.drain()
        asked = len(fake.asked)
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        if asked == 1:
            writer.write(REFUSED)
            await writer.drain()
        spoken.set()

    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = ok_and_more
        assert await links.put("/b/k", {"host": "x"}, b"body") == Answer(200, b"")
        await until(spoken)
        await settle()
        assert await links.put("/b/k", {"host": "x"}, b"body") == Answer(200, b"")
        assert len(fake.connections) == 2


async def test_one_who_is_cancelled_leaves_no_connection_whose_answer_is_still_to_come() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def late(asked: Asked, writer: asyncio.StreamWriter) -> None:
        begun.set()
        if asked.body == b"first":
            await go_on.wait()
            writer.write(REFUSED)
        else:
            writer.write(DONE)

    async with fake_s3() as fake, linked(fake, limit=1) as links:
        fake.answer = late
        first = asyncio.create_task(links.put("/b/k", {"host": "x"}, b"first"))
        await until(begun)
        [connection] = fake.connections
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        assert await links.put("/b/k", {"host": "x"}, b"second") == Answer(200, b"")
        await asyncio.wait_for(connection, 5)


async def test_where_one_connection_has_gone_stale_no_other_is_tried() -> None:
    all_here = asyncio.Event()

    async def together(_: Asked, writer: asyncio.StreamWriter) -> None:
        if len(fake.connections) == 4:
            all_here.set()
        await all_here.wait()
        writer.write(DONE)

    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = together
        await asyncio.gather(*(links.put("/b/k", {"host": "x"}, b"body") for _ in range(4)))
        assert len(fake.connections) == 4
        fake.answer = Ending(b"")
        with pytest.raises((AnswerUnreadableError, ConnectionError)):
            await links.put("/b/k", {"host": "x"}, b"body")
        fake.answer = saying(DONE)
        assert await links.put("/b/k", {"host": "x"}, b"body") == Answer(200, b"")
        assert len(fake.connections) == 5


async def test_a_put_that_ends_after_the_close_leaves_no_connection() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def late(_: Asked, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        writer.write(DONE)

    async with fake_s3() as fake, linked(fake) as links:
        fake.answer = late
        putting = asyncio.create_task(links.put("/b/k", {"host": "x"}, b"body"))
        await until(begun)
        await links.close()
        go_on.set()
        assert await putting == Answer(200, b"")
        await asyncio.wait_for(asyncio.gather(*fake.connections), 5)
