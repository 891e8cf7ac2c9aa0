"""Starting an upload with the bytes of a file that is already here: copied, never downloaded."""

from dataclasses import replace

from transfer.core.access import Action, Principal, authorise
from transfer.core.errors import EntryMissingError
from transfer.core.parts import MIN_PART_BYTES, copy_ranges
from transfer.core.uploads import Part, StoredFile, Upload, object_key
from transfer.engine.policy import Tools
from transfer.engine.tokens import check_still_good
from transfer.engine.writer import UploadWriter
from transfer.ports import Advance, AuditEvent


async def authorise_copy(
    tools: Tools, principal: Principal, upload: Upload, file: StoredFile
) -> None:
    """Let `principal` copy `file` into `upload`, and note it: it is a download and an upload.

    Raises:
        EntryMissingError: a file of another case.
        CaseMissingError, ForbiddenError, CaseClosedError: they may not read it, or write.
    """
    if file.case_number != upload.case_number:
        raise EntryMissingError("No such file.")
    case = await tools.core.case(file.case_number)
    authorise(principal, Action.DOWNLOAD, case)
    authorise(principal, Action.UPLOAD, case)
    await check_still_good(tools, principal)
    event = AuditEvent(
        at=tools.clock.now(),
        action="file.copied",
        actor=principal.name,
        case_number=file.case_number,
        subject=file.id,
        door=principal.door,
        address=principal.address,
        details={"path": file.path, "size": file.size, "upload_id": upload.id},
    )
    await tools.records.audit.record(event)


async def copy_into(tools: Tools, writer: UploadWriter, file: StoredFile, size: int) -> Upload:
    """Give the fresh upload of `writer` the first `size` bytes of `file`.

    Returns the upload as it stands then, for a new writer under the same fence; or the writer's
    own, if the bytes went through it: below 5 MiB S3 copies no part, and of a shortened file the
    digest has to be found by reading.
    """
    if size == file.size >= MIN_PART_BYTES and file.digest.sha256 is not None:
        return await _copy_parts(tools, writer.upload, file)
    if size:
        async with tools.store.read(file.object_key, 0, size) as chunks:
            async for chunk in chunks:
                await writer.write(chunk)
    return writer.upload


async def _copy_parts(tools: Tools, upload: Upload, file: StoredFile) -> Upload:
    ledger = tools.records.uploads
    key = object_key(upload.case_id, upload.id, upload.fence, keyed=tools.policy.keyed)
    multipart_id = await tools.store.create_multipart(key)
    await ledger.begin_multipart(upload.id, upload.fence, object_key=key, multipart_id=multipart_id)
    ranges = copy_ranges(file.size)
    first = await ledger.reserve_part(upload.id, upload.fence, len(ranges))
    parts = []
    for number, (start, length) in enumerate(ranges, first):
        etag = await tools.store.copy_part(
            key, multipart_id, number, source=file.object_key, start=start, size=length
        )
        crc = file.digest.crc64nvme if len(ranges) == 1 else 0
        parts.append(Part(number=number, start=start, size=length, etag=etag, crc64nvme=crc))
    now = tools.clock.now()
    advance = Advance(
        expected_offset=0,
        offset=file.size,
        parts=tuple(parts),
        tail=None,
        digest=file.digest,
        now=now,
        expires_at=tools.policy.expires_at(now, upload.created_at),
    )
    await ledger.commit(upload.id, upload.fence, advance)
    return replace(
        upload,
        offset=file.size,
        digest=file.digest,
        object_key=key,
        multipart_id=multipart_id,
        next_part_number=first + len(ranges),
    )
