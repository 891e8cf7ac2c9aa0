"""The text of a file as bytes from a place on: those of the store, inflated if need be."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from transfer.core.uploads import StoredFile
from transfer.engine.gunzip import DamagedError, Gunzip
from transfer.engine.text_places import TextPlace
from transfer.ports import ObjectStore

MIB = 1 << 20


class TextSource:
    """Streams the text of `file` from `place` on, as one request to the store."""

    def __init__(
        self,
        store: ObjectStore,
        file: StoredFile,
        place: TextPlace,
        *,
        reach_bytes: int,
        most: int | None = None,
    ) -> None:
        """Read as far as the end: at most `most` bytes, or `reach_bytes` of what is inflated."""
        self._store = store
        self._file = file
        self._reach_bytes = reach_bytes
        self._most = most
        self._place = place
        self._gunzip = Gunzip() if place.is_gzip else None
        self.read_bytes = place.member_start if place.is_gzip else place.position
        """How many bytes of the file were read, or passed over."""
        self.is_damaged = False
        """Whether it ended early, as the file isn't what gzip makes."""
        self.is_out_of_reach = False
        """Whether it ended early, as more would be too much work."""
        self._before = place.position - place.member_position
        self._inflated_bytes = 0

    def reaching(self, place: TextPlace) -> TextPlace:
        """Return `place`, to be reached from the last member of gzip that begins before it."""
        if self._gunzip is None:
            return place
        member_position = self._place.member_position + self._gunzip.member_position
        if member_position > place.position:
            return place
        member_start = self._place.member_start + self._gunzip.member_start
        return replace(place, member_start=member_start, member_position=member_position)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the text in chunks of at most 1 MiB, some of which may be empty.

        An empty one is a pause in which to see whether it is still wanted.

        Raises:
            StoreUnavailableError, EntryMissingError: also in the middle.
        """
        start, size = self.read_bytes, self._file.size - self.read_bytes
        if self._most is not None and self._gunzip is None:
            size = min(size, self._most)
        async with self._store.read(self._file.object_key, start, size) as stored:
            async for chunk in stored:
                self.read_bytes += len(chunk)
                if self._gunzip is None:
                    yield chunk
                    continue
                async with aclosing(self._inflated(self._gunzip, chunk)) as pieces:
                    async for piece in pieces:
                        yield piece
                if self._gunzip.is_over or self.is_damaged or self.is_out_of_reach:
                    return
        self.is_damaged = self._gunzip is not None and not self._gunzip.is_whole

    async def _inflated(self, gunzip: Gunzip, chunk: bytes) -> AsyncGenerator[bytes]:
        """Yield what `chunk` becomes, without what is before the place."""
        gunzip.feed(chunk)
        while True:
            try:
                piece = await asyncio.to_thread(gunzip.inflate, MIB)
            except DamagedError:
                self.is_damaged = True
                return
            left_out = max(0, self._before - self._inflated_bytes)
            self._inflated_bytes += len(piece)
            yield piece[left_out:]
            if self._inflated_bytes > self._reach_bytes:
                self.is_out_of_reach = True
                return
            if gunzip.is_over or gunzip.needs_more:
                return
