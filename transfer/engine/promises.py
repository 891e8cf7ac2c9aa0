"""The SHA-256 of a whole file from its sender: a promise before the finish, a claim after it."""

from transfer.core.access import Principal
from transfer.core.errors import DigestMismatchError, EntryMissingError, UploadGoneError
from transfer.core.uploads import FileId, Upload, UploadState, check_continuable
from transfer.engine.policy import Tools


async def promise(tools: Tools, principal: Principal, upload: Upload, sha256: str) -> Upload:
    """Take what the sender says of `upload`, and return it as it stands then.

    The records decide which of the two it is: a promise that comes while the file is being finished
    is judged by the finish, one that comes later by a comparison. None falls in between.

    Raises:
        UploadGoneError: it is over without a file, or the file is gone.
        DigestChangedError: another one was promised before.
        DigestMismatchError: the file that was received is another one.
    """
    now = tools.clock.now()
    if upload.state in (UploadState.RECEIVING, UploadState.INTERRUPTED):
        check_continuable(upload, now)
    upload = await tools.records.uploads.promise(upload.id, sha256, now)
    if upload.file_id is not None:
        await _compare(tools, principal, upload.file_id, sha256)
    return upload


async def _compare(tools: Tools, principal: Principal, file_id: FileId, sha256: str) -> None:
    try:
        file = await tools.records.tree.verify(file_id, sha256, principal, tools.clock.now())
    except EntryMissingError as exc:
        raise UploadGoneError("The file was received, and has been removed since.") from exc
    if not file.verified:
        raise DigestMismatchError(
            f"The file that was received has the SHA-256 {file.sha256}, not this one. It is kept, "
            "as not verified: send it again if it isn't what you have."
        )
