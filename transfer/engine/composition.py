"""One turn at putting a final upload together, under its lease; the next goes on where it ended.

What is put together is the final upload's own row: its offset, parts, tail and digest, committed
step by step as those of any upload. So whoever takes over after a crash repeats one step at most.
Big pieces are copied inside the store, and all but the first are read once beside it, for the
SHA-256: that of the first goes on from its saved state.
"""

import asyncio
from collections.abc import Sequence

from transfer.core.access import Action, Principal, authorise
from transfer.core.concatenation import Step, Stretch, copied_ranges, next_step
from transfer.core.errors import (
    CaseClosedError,
    DigestMismatchError,
    TooLargeError,
    UnavailableError,
    WriterReplacedError,
)
from transfer.core.parts import Progress, least_short_part
from transfer.core.uploads import (
    DigestState,
    Part,
    Upload,
    UploadState,
    check_length,
    object_key,
)
from transfer.engine.completion import complete
from transfer.engine.digest import StreamDigest
from transfer.engine.leases import Leases
from transfer.engine.policy import Tools
from transfer.engine.streams import while_writing
from transfer.engine.writer import UploadWriter
from transfer.ports import Advance

_NOT_KNOWN = DigestState(sha256=None, crc64nvme=0)
"""In the middle of the first piece, which is copied without being read: known again at its end."""


class Composition:
    """Puts `final`, which is leased, together of `pieces`, which are whole."""

    def __init__(
        self, tools: Tools, leases: Leases, final: Upload, pieces: Sequence[Upload]
    ) -> None:
        self._tools = tools
        self._leases = leases
        self._ledger = tools.records.uploads
        self._final = final
        self._pieces = pieces
        self._sizes = [piece.offset for piece in pieces]
        self._length = sum(self._sizes)
        sizes = enumerate(self._sizes)
        self._first = next((index for index, size in sizes if size), 0)

    async def run(self, principal: Principal | None) -> None:
        """Make the final upload a file, and let go of it; None is the service by itself.

        Raises:
            WriterReplacedError: another process goes on with it.
            CaseClosedError, ForbiddenError: no file may be added to the case now.
            TooLargeError, DigestMismatchError: it can't be a file; the upload is over.
        """
        writer = self._open(self._final)
        try:
            await self._authorise(principal)
            writer = await self._announced(writer, principal)
            while not writer.is_whole:
                async with while_writing(writer):
                    await self._take(writer, self._next(writer.upload))
                if not writer.is_whole:
                    writer = await self._next_writer(writer)
            await self._finish(writer, principal)
        finally:
            try:
                await writer.release(UploadState.RECEIVING)
            finally:
                self._leases.forget(writer)

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _announced(self, writer: UploadWriter, principal: Principal | None) -> UploadWriter:
        """Have the length noted, now that it is known."""
        upload = writer.upload
        if upload.length is not None:
            return writer
        now = self._tools.clock.now()
        try:
            check_length(self._length, self._tools.policy.max_file_bytes)
        except TooLargeError as exc:
            await self._ledger.abandon(upload.id, principal, exc.code, now)
            raise
        await self._ledger.announce(upload.id, self._length, None, now)
        return await self._next_writer(writer)

    def _next(self, upload: Upload) -> Step:
        progress = Progress(
            offset=upload.parts_offset,
            next_part_number=upload.next_part_number,
            length=self._length,
        )
        return next_step(
            self._sizes,
            upload.offset,
            pending=upload.offset - upload.parts_offset,
            least=least_short_part(progress),
            may_copy=not self._tools.policy.plan.equal,
        )

    async def _take(self, writer: UploadWriter, step: Step) -> None:
        if step.copied:
            await self._copy(writer.upload, step.stretches[0])
            return
        for stretch in step.stretches:
            key = self._key(stretch.piece)
            async with self._tools.store.read(key, stretch.start, stretch.size) as chunks:
                async for chunk in chunks:
                    await writer.write(chunk)
        if not writer.is_whole:
            await writer.flush()

    async def _finish(self, writer: UploadWriter, principal: Principal | None) -> None:
        await self._authorise(principal)
        try:
            if await writer.finish_whole(principal) is None:
                await complete(self._tools, writer.upload.id, principal)
        except DigestMismatchError as exc:
            now = self._tools.clock.now()
            await self._ledger.abandon(writer.upload.id, principal, exc.code, now)
            raise

    async def _authorise(self, principal: Principal | None) -> None:
        case = await self._tools.core.case(self._final.case_number)
        if principal is not None:
            authorise(principal, Action.UPLOAD, case)
        elif case.is_closed:
            raise CaseClosedError("The case is closed: ask Customer Care to reopen it.")

    # ── Copying ──────────────────────────────────────────────────────────────────────────────

    async def _copy(self, upload: Upload, stretch: Stretch) -> None:
        """Make parts of a stretch inside the store; read it beside that unless it is the first."""
        key, multipart_id = await self._target(upload)
        source = self._key(stretch.piece)
        digest = None
        if stretch.piece != self._first:
            digest = StreamDigest(upload.digest, offset=upload.offset)
        offset = upload.offset
        ranges = copied_ranges(stretch.start, stretch.size, self._length)
        at_once = self._tools.policy.parallel_parts
        for begin in range(0, len(ranges), at_once):
            batch = ranges[begin : begin + at_once]
            first = await self._ledger.reserve_part(upload.id, upload.fence, len(batch))
            copies = [
                asyncio.create_task(
                    self._tools.store.copy_part(
                        key, multipart_id, number, source=source, start=start, size=size
                    )
                )
                for number, (start, size) in enumerate(batch, first)
            ]
            try:
                for number, (start, size) in enumerate(batch, first):
                    state = await self._digest(stretch, start, size, digest)
                    etag = await copies[number - first]
                    part = Part(number=number, start=offset, size=size, etag=etag, crc64nvme=0)
                    await self._commit(upload, part, state)
                    offset += size
            finally:
                for copying in copies:
                    copying.cancel()
                await asyncio.gather(*copies, return_exceptions=True)

    async def _digest(
        self, stretch: Stretch, start: int, size: int, digest: StreamDigest | None
    ) -> DigestState:
        """Return the state of the digest behind a range, which is read for it if it has to be."""
        piece = self._pieces[stretch.piece]
        if digest is None:
            return piece.digest if start + size == piece.offset else _NOT_KNOWN
        async with self._tools.store.read(self._key(stretch.piece), start, size) as chunks:
            async for chunk in chunks:
                await asyncio.to_thread(digest.update, chunk)
        return digest.state()

    async def _commit(self, upload: Upload, part: Part, digest: DigestState) -> None:
        now = self._tools.clock.now()
        advance = Advance(
            expected_offset=part.start,
            offset=part.start + part.size,
            parts=(part,),
            tail=None,
            digest=digest,
            now=now,
            expires_at=self._tools.policy.expires_at(now, upload.created_at),
        )
        await self._ledger.commit(upload.id, upload.fence, advance)

    async def _target(self, upload: Upload) -> tuple[str, str]:
        """Return where the parts go, begun under this turn's fence or an earlier one's."""
        if upload.object_key is not None and upload.multipart_id is not None:
            return upload.object_key, upload.multipart_id
        key = object_key(upload.case_id, upload.id, upload.fence, keyed=self._tools.policy.keyed)
        multipart_id = await self._tools.store.create_multipart(key)
        await self._ledger.begin_multipart(
            upload.id, upload.fence, object_key=key, multipart_id=multipart_id
        )
        return key, multipart_id

    def _key(self, piece: int) -> str:
        return self._pieces[piece].object_key or ""  # a whole piece has one

    # ── Writers ──────────────────────────────────────────────────────────────────────────────

    def _open(self, upload: Upload) -> UploadWriter:
        writer = UploadWriter(upload, self._tools)
        self._leases.keep(writer)
        return writer

    async def _next_writer(self, writer: UploadWriter) -> UploadWriter:
        """Return a writer where the row stands now; the lease stays, unless it was lost."""
        upload = await self._ledger.upload(writer.upload.id)
        if writer.ended.done() or upload.fence != writer.upload.fence:
            raise WriterReplacedError("Another process puts this upload together.")
        writer.end(UnavailableError("The next step has a writer of its own."))
        self._leases.forget(writer)
        return self._open(upload)
