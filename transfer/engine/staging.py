"""Taking up an upload whose bytes were set aside: copied into a new one's parts, so that it grows.

Its sender had come back to bytes in the middle, and was then cut off; see `RevisableWriter`.
"""

import contextlib

from transfer.core.errors import TransferError, UploadGoneError, WriterReplacedError
from transfer.core.parts import MAX_PART_NUMBER, MIN_PART_BYTES, copy_ranges
from transfer.core.uploads import Part, Tail, Upload, UploadState, object_key, tail_key
from transfer.engine.digest import crc64nvme
from transfer.engine.policy import Tools
from transfer.ports import Advance


async def take_up(tools: Tools, upload: Upload) -> Upload:
    """Return an upload that was just leased as one that can grow.

    Raises:
        WriterReplacedError: another one has taken over meanwhile.
        StoreUnavailableError: not now; the lease is let go of.
    """
    source, multipart_id = upload.object_key, upload.multipart_id
    if source is None or not (upload.is_set_aside or upload.is_sealed):
        return upload
    try:
        if multipart_id is not None:
            await _set_aside(tools, upload, (source, multipart_id))
        if upload.offset < MIN_PART_BYTES:
            return await _as_tail(tools, upload, source)
        return await _as_parts(tools, upload, source)
    except BaseException:
        ledger, now = tools.records.uploads, tools.clock.now()
        await ledger.release(upload.id, upload.fence, UploadState.INTERRUPTED, now)
        raise


async def last_part(tools: Tools, target: tuple[str, str], start: int, rest: memoryview) -> Part:
    """Store the bytes behind the parts as one more, for an upload that is to be set aside.

    Its number is the last there is, so that it is the same whoever tries it again. Of a multipart
    upload that is gone, being one object already, the ETag matters no more.
    """
    key, multipart_id = target
    crc, etag = crc64nvme(rest), ""
    with contextlib.suppress(UploadGoneError):
        etag = await tools.store.upload_part(
            key, multipart_id, MAX_PART_NUMBER, rest, crc64nvme=crc
        )
    return Part(number=MAX_PART_NUMBER, start=start, size=len(rest), etag=etag, crc64nvme=crc)


async def _set_aside(tools: Tools, upload: Upload, target: tuple[str, str]) -> None:
    """Go on with what a process that is gone had begun; see `PartPipeline.set_aside`."""
    ledger = tools.records.uploads
    parts = await ledger.parts(upload.id)
    if upload.tail is not None:
        async with tools.store.read(upload.tail.key, 0, upload.tail.size) as chunks:
            rest = b"".join([chunk async for chunk in chunks])
        parts.append(await last_part(tools, target, upload.parts_offset, memoryview(rest)))
    await tools.store.complete_multipart(*target, parts, crc64nvme=upload.digest.crc64nvme)
    await ledger.set_aside(upload.id, upload.fence, tools.clock.now())


async def _as_parts(tools: Tools, upload: Upload, source: str) -> Upload:
    ledger = tools.records.uploads
    key = object_key(upload.case_id, upload.id, upload.fence, keyed=tools.policy.keyed)
    multipart_id = await tools.store.create_multipart(key)
    target = (key, multipart_id)
    try:
        advance = _advance(tools, upload, parts=await _copied(tools, upload, source, target))
    except BaseException:
        await _abort(tools, target)
        raise
    try:
        return await ledger.take_up(upload.id, upload.fence, target, advance)
    except WriterReplacedError:  # after any other error the row may have it all the same
        await _abort(tools, target)
        raise


async def _copied(
    tools: Tools, upload: Upload, source: str, target: tuple[str, str]
) -> tuple[Part, ...]:
    ranges = copy_ranges(upload.offset)
    first = await tools.records.uploads.reserve_part(upload.id, upload.fence, len(ranges))
    parts = []
    for number, (start, size) in enumerate(ranges, first):
        etag = await tools.store.copy_part(*target, number, source=source, start=start, size=size)
        parts.append(Part(number=number, start=start, size=size, etag=etag, crc64nvme=0))
    return tuple(parts)


async def _abort(tools: Tools, target: tuple[str, str]) -> None:
    """Leave nothing of a multipart upload that no row knows of."""
    with contextlib.suppress(TransferError):  # then it goes with its case
        await tools.store.abort_multipart(*target)


async def _as_tail(tools: Tools, upload: Upload, source: str) -> Upload:
    """S3 copies nothing below 5 MiB as a part that isn't the last."""
    async with tools.store.read(source, 0, upload.offset) as chunks:
        data = b"".join([chunk async for chunk in chunks])
    place = (upload.case_id, upload.id, upload.fence, upload.offset)
    key = tail_key(*place, keyed=tools.policy.keyed)
    await tools.store.put(key, data, crc64nvme=crc64nvme(data))
    advance = _advance(tools, upload, tail=Tail(key=key, size=upload.offset))
    return await tools.records.uploads.take_up(upload.id, upload.fence, None, advance)


def _advance(
    tools: Tools, upload: Upload, *, parts: tuple[Part, ...] = (), tail: Tail | None = None
) -> Advance:
    now = tools.clock.now()
    return Advance(
        expected_offset=upload.offset,
        offset=upload.offset,
        parts=parts,
        tail=tail,
        digest=upload.digest,
        now=now,
        expires_at=tools.policy.expires_at(now, upload.created_at),
    )
