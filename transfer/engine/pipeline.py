"""Parts on their way: stored side by side, hashed and committed strictly in order.

A part's number is reserved under the fence before it is sent, and never used again. Its commit
waits for the commit of the part before it: a part that fails while a later one succeeds never
moves the offset.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from transfer.core.parts import MAX_PART_NUMBER, Progress
from transfer.core.uploads import DigestState, Part, Tail, Upload, object_key, tail_key
from transfer.engine.buffers import PartBuffer
from transfer.engine.digest import StreamDigest, crc64nvme
from transfer.engine.policy import Tools
from transfer.engine.staging import last_part
from transfer.ports import Advance

_HASH_ON_LOOP_BYTES = 64 * 1024

_RESERVED_AHEAD = 8
"""How many part numbers are reserved at once at most, and never more than a quarter of those that
this writer has used: so few are lost with it."""


class _Place(NamedTuple):
    """Where a part goes: in the store, and in the file."""

    key: str
    multipart_id: str
    number: int
    start: int


class PartPipeline:
    """Stores what one writer hands over, under that writer's fence.

    `offset` is the durable prefix; `parts_offset`, where the part that fills at present begins;
    `tail`, what the row names as the bytes after the last part. With `withhold`, parts are stored
    but not committed before `vouch()`. `advanced` is told each offset as soon as it is durable.
    """

    def __init__(self, upload: Upload, tools: Tools, *, withhold: bool) -> None:
        self.offset = upload.offset
        self.parts_offset = upload.parts_offset
        self.tail = upload.tail
        self.withhold = withhold
        self.advanced: Callable[[int], None] | None = None
        self._upload = upload
        self._name = (upload.case_id, upload.id, upload.fence)
        self._tools = tools
        self._ledger = tools.records.uploads
        self._target: tuple[str, str] | None = None
        if upload.object_key is not None and upload.multipart_id is not None:
            self._target = (upload.object_key, upload.multipart_id)
        self._next_part_number = self._reserved_to = upload.next_part_number
        self._used_numbers = 0
        self._digest = StreamDigest(upload.digest, offset=upload.offset)
        self._sent: deque[asyncio.Task[None]] = deque()
        self._commits: asyncio.Task[None] | None = None
        self._hashing: asyncio.Task[DigestState] | None = None
        self._withheld: list[Part] = []
        self._withheld_digest: DigestState | None = None

    @property
    def has_parts(self) -> bool:
        """Whether a multipart upload was begun; if not, the file may still be one PUT."""
        return self._target is not None

    @property
    def digest(self) -> StreamDigest:
        """The digest of what was sent; whole only when nothing is on its way."""
        return self._digest

    def progress(self, length: int | None) -> Progress:
        """Return where the next part begins, for its plan."""
        return Progress(
            offset=self.parts_offset, next_part_number=self._next_part_number, length=length
        )

    async def send(self, buffer: PartBuffer, hashed: int) -> None:
        """Send `buffer` off as the next part; its first `hashed` bytes are in the digest already.

        The buffer belongs to the pipeline from here on.
        """
        target = self._target = self._target or await self._begin_multipart()
        number = await self._number()
        start, self.parts_offset = self.parts_offset, self.parts_offset + buffer.size
        self.tail = None
        crc = crc64nvme(buffer.view())
        unhashed, its_crc = buffer.view(hashed), None if hashed else crc
        self._hashing = asyncio.create_task(self._hash(unhashed, self._hashing, its_crc))
        place = _Place(*target, number, start)
        storing = self._store(buffer, crc, place, self._hashing, self._commits)
        self._commits = asyncio.create_task(storing)
        self._sent.append(self._commits)

    async def settle(self, at_most: int = 0) -> None:
        """Wait until `at_most` parts are on their way; raise what stopped one of them."""
        while len(self._sent) > at_most:
            # Shielded: a caller that gives up must not take the part with it.
            await asyncio.shield(self._sent[0])
            self._sent.popleft()

    async def keep_tail(self, buffer: PartBuffer, hashed: int, *, start: int) -> None:
        """Make `buffer`, which is no part yet, durable as the tail. Nothing is on its way."""
        end = start + buffer.size
        key = tail_key(*self._name, end, keyed=self._tools.policy.keyed)
        view = buffer.view()
        digest = await self._hash(view[hashed:], None)
        await self._tools.store.put(key, view, crc64nvme=crc64nvme(view))
        tail = Tail(key=key, size=buffer.size)
        await self._commit(end, (), tail, digest)
        self.tail = tail

    async def vouch(self) -> None:
        """Commit what was withheld, and withhold no more."""
        await self.settle()
        self.withhold = False
        if self._withheld and self._withheld_digest is not None:
            parts = tuple(self._withheld)
            end = parts[-1].start + parts[-1].size
            await self._commit(end, parts, None, self._withheld_digest)
        self._withheld = []

    async def digest_whole(self, buffer: PartBuffer | None, hashed: int) -> StreamDigest:
        """Return the digest of a file that never needed parts, all of it in `buffer`."""
        view = buffer.view() if buffer is not None else memoryview(b"")
        if not self._digest.known:
            self._digest, hashed = StreamDigest(), 0
        await self._hash(view[hashed:], None)
        return self._digest

    async def put_whole(self, buffer: PartBuffer | None) -> str:
        """Store a file that never needed parts as one object; return its key."""
        key = object_key(*self._name, keyed=self._tools.policy.keyed)
        view = buffer.view() if buffer is not None else memoryview(b"")
        await self._tools.store.put(key, view, crc64nvme=crc64nvme(view))
        return key

    async def set_aside(self, rest: PartBuffer | None) -> str:
        """Make one object of all that is durable; return its key. Nothing is on its way.

        `rest` are the bytes behind the parts, which the tail has too: they become a part only now,
        so that whatever fails before the parts are put together leaves the upload as it was.
        """
        target = key, multipart_id = self._target or await self._begin_multipart()
        # From here on nobody adds a part: who comes after a crash sees to it that this is done.
        left = MAX_PART_NUMBER + 1 - self._reserved_to
        await self._ledger.reserve_part(self._upload.id, self._upload.fence, left)
        parts = await self._ledger.parts(self._upload.id)
        if rest is not None and rest.size:
            parts.append(await last_part(self._tools, target, self.parts_offset, rest.view()))
        crc = self._digest.state().crc64nvme
        await self._tools.store.complete_multipart(key, multipart_id, parts, crc64nvme=crc)
        now = self._tools.clock.now()
        await self._ledger.set_aside(self._upload.id, self._upload.fence, now)
        self.parts_offset, self.tail, self._target = self.offset, None, None
        return key

    async def stop(self, grace_seconds: float) -> None:
        """End for good: parts on their way may still be committed for a short while."""
        tasks = list(self._sent)
        self._sent.clear()
        if tasks:
            done, late = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*done, *late, return_exceptions=True)

    async def _number(self) -> int:
        """Return the next part's number, which nobody else has: each transaction reserves some."""
        if self._next_part_number == self._reserved_to:
            left = MAX_PART_NUMBER + 1 - self._reserved_to
            count = max(1, min(_RESERVED_AHEAD, self._used_numbers // 4, left))
            name = (self._upload.id, self._upload.fence)
            self._next_part_number = await self._ledger.reserve_part(*name, count)
            self._reserved_to = self._next_part_number + count
        self._used_numbers += 1
        self._next_part_number += 1
        return self._next_part_number - 1

    async def _begin_multipart(self) -> tuple[str, str]:
        key = object_key(*self._name, keyed=self._tools.policy.keyed)
        multipart_id = await self._tools.store.create_multipart(key)
        await self._ledger.begin_multipart(
            self._upload.id, self._upload.fence, object_key=key, multipart_id=multipart_id
        )
        return key, multipart_id

    async def _store(
        self,
        buffer: PartBuffer,
        crc: int,
        place: "_Place",
        hashing: "asyncio.Task[DigestState]",
        previous: "asyncio.Task[None] | None",
    ) -> None:
        """Store, then commit; the memory is given back at once, whoever waits for this part."""
        stored = False
        try:
            await self._store_part(buffer.view(), crc, place, hashing, previous)
            stored = True
        finally:
            # After a failure a thread may still read it.
            self._tools.pool.give_back(buffer, reuse=stored)

    async def _store_part(
        self,
        view: memoryview,
        crc: int,
        place: "_Place",
        hashing: "asyncio.Task[DigestState]",
        previous: "asyncio.Task[None] | None",
    ) -> None:
        etag = await self._tools.store.upload_part(
            place.key, place.multipart_id, place.number, view, crc64nvme=crc
        )
        digest = await hashing
        if previous is not None:
            await asyncio.shield(previous)
        part = Part(
            number=place.number, start=place.start, size=len(view), etag=etag, crc64nvme=crc
        )
        if self.withhold:
            self._withheld.append(part)
            self._withheld_digest = digest
        else:
            await self._commit(place.start + len(view), (part,), None, digest)

    async def _hash(
        self,
        view: memoryview,
        previous: "asyncio.Task[DigestState] | None",
        crc: int | None = None,
    ) -> DigestState:
        if previous is not None:
            await asyncio.shield(previous)
        if len(view) > _HASH_ON_LOOP_BYTES:
            await asyncio.to_thread(self._digest.update, view, crc)
        else:
            self._digest.update(view, crc)
        return self._digest.state()

    async def _commit(
        self, end: int, parts: tuple[Part, ...], tail: Tail | None, digest: DigestState
    ) -> None:
        now = self._tools.clock.now()
        await self._ledger.commit(
            self._upload.id,
            self._upload.fence,
            Advance(
                expected_offset=self.offset,
                offset=end,
                parts=parts,
                tail=tail,
                digest=digest,
                now=now,
                expires_at=self._tools.policy.expires_at(now, self._upload.created_at),
            ),
        )
        self.offset = end
        if self.advanced is not None:
            self.advanced(end)
