"""From the last part to a received file: honest, and repeatable after any crash."""

from transfer.core.access import Principal
from transfer.core.errors import DigestMismatchError, UploadGoneError
from transfer.core.uploads import FileId, StoredFile, Upload, UploadId, UploadState
from transfer.engine.digest import StreamDigest
from transfer.engine.policy import Tools
from transfer.engine.writer import check_digest
from transfer.ports import Finished


async def complete(tools: Tools, upload_id: UploadId, principal: Principal | None) -> StoredFile:
    """Put an upload's committed parts together, check them, and make them a file.

    Anyone may do it, any number of times, also at once: the answer is the same.

    Raises:
        UploadGoneError: abandoned meanwhile.
        DigestMismatchError: not what its sender promised; the upload is abandoned.
        StoreUnavailableError: try again; nothing is lost.
    """
    ledger = tools.records.uploads
    upload = await ledger.begin_completion(upload_id, tools.clock.now())
    if upload.state is UploadState.RECEIVED and upload.file_id is not None:
        return await tools.records.tree.file(upload.file_id)
    try:
        finished = await _finished(tools, upload)
    except DigestMismatchError:
        await ledger.abandon(
            upload_id, principal, "digest-mismatch", tools.clock.now(), even_completing=True
        )
        raise
    return await ledger.finish(upload_id, finished, principal)


async def _finished(tools: Tools, upload: Upload) -> Finished:
    """Put the object together, and return what the file's row says of it."""
    if upload.object_key is None or upload.multipart_id is None:
        raise UploadGoneError("The upload has no parts: start a new one.")
    parts = await tools.records.uploads.parts(upload.id)
    digest = StreamDigest(upload.digest, offset=upload.offset)
    await tools.store.complete_multipart(
        upload.object_key, upload.multipart_id, parts, crc64nvme=upload.digest.crc64nvme
    )
    if not digest.known:
        digest = await _read_back(tools, upload.object_key, upload.offset)
    return Finished(
        file_id=FileId(tools.new_id()),
        object_key=upload.object_key,
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
