"""From the last part to a received file: honest, and repeatable after any crash."""

from collections.abc import Sequence

from transfer.core.access import Principal
from transfer.core.errors import DigestMismatchError, UploadGoneError
from transfer.core.uploads import FileId, Part, StoredFile, Upload, UploadId, UploadState
from transfer.engine.digest import StreamDigest
from transfer.engine.policy import Tools
from transfer.engine.writer import check_digest
from transfer.ports import Finished, Kept


async def complete(tools: Tools, upload_id: UploadId, principal: Principal | None) -> StoredFile:
    """Put an upload's committed parts together, check them, and make them a file.

    Anyone may do it, any number of times, also at once: the answer is the same.

    Raises:
        UploadGoneError: abandoned meanwhile.
        DigestMismatchError: not what its sender promised; the upload is abandoned.
        StoreUnavailableError: try again; nothing is lost.
    """
    ledger = tools.records.uploads
    upload, parts = await ledger.begin_completion(upload_id, tools.clock.now())
    if upload.state is UploadState.RECEIVED and upload.file_id is not None:
        return await tools.records.tree.file(upload.file_id)
    try:
        finished = await _finished(tools, upload, parts)
        return await ledger.finish(upload_id, finished, principal)
    except DigestMismatchError:  # also of what was promised while the parts were put together
        await ledger.abandon(
            upload_id, principal, "digest-mismatch", tools.clock.now(), even_completing=True
        )
        raise


async def keep(tools: Tools, upload_id: UploadId, principal: Principal | None) -> None:
    """Put a partial upload's committed parts together, as `complete` does; it becomes no file."""
    ledger = tools.records.uploads
    upload, parts = await ledger.begin_completion(upload_id, tools.clock.now())
    if upload.state is UploadState.RECEIVED:
        return
    try:
        key = await _put_together(tools, upload, parts)
    except DigestMismatchError:
        await ledger.abandon(
            upload_id, principal, "digest-mismatch", tools.clock.now(), even_completing=True
        )
        raise
    kept = Kept(object_key=key, size=upload.offset, digest=upload.digest, now=tools.clock.now())
    await ledger.keep(upload_id, kept)


async def _put_together(tools: Tools, upload: Upload, parts: Sequence[Part]) -> str:
    """Make one object of an upload's parts, and return its key."""
    if upload.object_key is None or upload.multipart_id is None:
        raise UploadGoneError("The upload has no parts: start a new one.")
    await tools.store.complete_multipart(
        upload.object_key, upload.multipart_id, parts, crc64nvme=upload.digest.crc64nvme
    )
    return upload.object_key


async def _finished(tools: Tools, upload: Upload, parts: Sequence[Part]) -> Finished:
    """Put the object together, and return what the file's row says of it."""
    digest = StreamDigest(upload.digest, offset=upload.offset)
    key = await _put_together(tools, upload, parts)
    if not digest.known:
        digest = await _read_back(tools, key, upload.offset)
    return Finished(
        file_id=FileId(tools.new_id()),
        object_key=key,
        size=upload.offset,
        sha256=check_digest(upload, digest),
        digest=digest.state(),
        verified=upload.expected_sha256 is not None,
        now=tools.clock.now(),
    )


async def _read_back(tools: Tools, key: str, size: int) -> StreamDigest:
    """Hash what the store has: for a platform that can't save the state of a hash."""
    digest = StreamDigest()
    async with tools.store.read(key, 0, size) as chunks:
        async for chunk in chunks:
            digest.update(chunk)
    return digest
