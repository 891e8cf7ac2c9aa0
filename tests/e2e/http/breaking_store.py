"""A store that goes away in the middle of an answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transfer.core.errors import StoreUnavailableError
from transfer.storage.memory import MemoryObjectStore


class BreakingStore(MemoryObjectStore):
    """Loses the connection behind the first chunk of every object, or of the next, if it is to."""

    breaks = False
    breaks_once = False

    @asynccontextmanager
    async def read(
        self, key: str, start: int, size: int, *, customer_key: bytes | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().read(key, start, size, customer_key=customer_key) as chunks:
            broken = self.breaks or self.breaks_once
            self.breaks_once = False
            yield self._broken(chunks) if broken else chunks

    async def _broken(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield await anext(chunks)
        raise StoreUnavailableError("The object store is away.")
