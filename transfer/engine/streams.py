"""Reading from a sender while writing, and stopping as soon as the writing is over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from transfer.core.errors import TransferError
from transfer.engine.writer import UploadWriter
from transfer.ports import Buffer


@contextlib.asynccontextmanager
async def while_writing(writer: UploadWriter) -> AsyncIterator[None]:
    """Stop waiting for the sender as soon as `writer` ends, and raise why it did."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as scope:
            waiting = True

            def stop(_: "asyncio.Future[TransferError]") -> None:
                if waiting:
                    scope.reschedule(loop.time())

            writer.ended.add_done_callback(stop)
            try:
                yield
            finally:
                waiting = False
    except TimeoutError as exc:
        if scope.expired() and writer.ended.done():
            raise writer.ended.result() from exc
        raise


async def nothing() -> AsyncIterator[Buffer]:
    """Yield no byte."""
    yield b""
