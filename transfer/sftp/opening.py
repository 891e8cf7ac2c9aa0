"""What an OPEN means: SFTP's flags, and what stands at the path, decide how a file is opened."""

import contextlib
from dataclasses import replace

from asyncssh import (
    FXF_APPEND,
    FXF_CREAT,
    FXF_EXCL,
    FXF_READ,
    FXF_TRUNC,
    FXF_WRITE,
    SFTPAttrs,
)

from transfer.core.access import Action
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    ConflictError,
    EntryMissingError,
    IsAFolderError,
    NameTakenError,
    UploadBusyError,
    UploadGoneError,
)
from transfer.core.names import CasePath, check_writable, name_key
from transfer.core.uploads import Entry, Folder, StoredFile, Upload, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.revisable import RevisableWriter
from transfer.sftp import clients
from transfer.sftp.attributes import modified_at_of
from transfer.sftp.draft import Opened
from transfer.sftp.readahead import FileReader
from transfer.sftp.reading import Download, ReadHandle
from transfer.sftp.repeating import Told
from transfer.sftp.revision import Desk
from transfer.sftp.writing import WriteHandle


class Opening:
    """Opens files of one case for one session.

    `told` is what the session's client was told last of unfinished uploads; `client` is what this
    client calls itself.
    """

    def __init__(self, desk: Desk, case_number: CaseNumber, client: str) -> None:
        self.told: dict[UploadId, Told] = {}
        self._desk = desk
        self._uploads = desk.uploads
        self._files = desk.files
        self._principal = desk.principal
        self._case_number = case_number
        self._client = client

    async def open(
        self, path: CasePath, flags: int, attributes: SFTPAttrs
    ) -> ReadHandle | WriteHandle:
        """Open `path` as `flags` say.

        Raises:
            EntryMissingError, NameTakenError, IsAFolderError: what stands there isn't for that.
            ForbiddenError, CaseClosedError, HeldError: nothing may be written there.
        """
        entry = await self._entry(path)
        if isinstance(entry, Folder):
            raise IsAFolderError("That is a folder.")
        if flags & (FXF_WRITE | FXF_APPEND):
            return await self._open_to_write(path, entry, flags, attributes)
        return self._open_to_read(entry)

    # ── Reading ──────────────────────────────────────────────────────────────────────────────

    def _open_to_read(self, entry: StoredFile | Upload | None) -> ReadHandle:
        if entry is None:
            raise EntryMissingError("No such file.")
        if isinstance(entry, Upload):
            raise ConflictError("The file is still on its way: read it once it is received.")
        return ReadHandle(entry, self._reader(entry))

    def _reader(self, file: StoredFile) -> FileReader:
        download = Download(self._files, self._principal, file)
        return FileReader(download.stream, file.size, self._desk.space.reading)

    # ── Writing ──────────────────────────────────────────────────────────────────────────────

    async def _open_to_write(
        self,
        path: CasePath,
        entry: StoredFile | Upload | None,
        flags: int,
        attributes: SFTPAttrs,
    ) -> WriteHandle:
        creates, appends = bool(flags & FXF_CREAT), bool(flags & FXF_APPEND)
        if entry is None and not creates:
            raise EntryMissingError("No such file.")
        if entry is not None and creates and flags & FXF_EXCL:
            raise NameTakenError("Something of that name is already there.")
        if isinstance(entry, Upload) and not flags & FXF_TRUNC:
            entry = await self._settled(path, entry)
        if entry is None or flags & FXF_TRUNC:
            writer = await self._begin(path, entry, attributes)
            announced = writer.upload.length
            opened = Opened(path=path, appends=appends, writer=writer, announced=announced)
        elif isinstance(entry, Upload):
            opened = await self._resume(entry, attributes, appends=appends)
        else:
            await self._check_changeable(entry.path)
            reader = self._reader(entry) if flags & FXF_READ else None
            opened = Opened(path=path, appends=appends, file=entry, reader=reader)
        opened = replace(
            opened,
            reads=bool(flags & FXF_READ),
            is_edited=clients.is_edited(self._client, flags, attributes),
            block=clients.stoppable_block(self._client, flags, attributes),
            before=entry if isinstance(entry, Upload) else None,
        )
        if opened.is_edited:  # it goes back to where it was, not on from there
            opened = replace(opened, told=None)
        return WriteHandle(self._desk, opened)

    async def _begin(
        self, path: CasePath, entry: StoredFile | Upload | None, attributes: SFTPAttrs
    ) -> RevisableWriter:
        """Begin a fresh upload, and give up what sessions like this one had begun before it."""
        file = FileToSend(
            case_number=self._case_number,
            path=path,
            length=attributes.size or None,  # some clients send 0 for "not known"
            replaces=True,
            make_folders=False,
            modified_at=modified_at_of(attributes),
        )
        writer = await self._uploads.create_writer(self._principal, file)
        if isinstance(entry, Upload) and entry.replaces:
            try:
                await self._give_up_before(writer.upload)
            except BaseException:
                await self._uploads.give_up_writer(self._principal, writer)
                raise
        return writer

    async def _give_up_before(self, fresh: Upload) -> None:
        """Give up older uploads of the same path: they would stand before the received file."""
        listing = await self._files.listing(self._principal, self._case_number, limit=1)
        for upload in listing.uploads:
            is_older = upload.replaces and upload.id != fresh.id
            if is_older and name_key(upload.path) == name_key(fresh.path):
                # One that is just becoming a file is replaced by the fresh one in its turn.
                with contextlib.suppress(UploadGoneError, UploadBusyError):
                    await self._uploads.abandon(self._principal, upload.id)

    async def _resume(self, upload: Upload, attributes: SFTPAttrs, *, appends: bool) -> Opened:
        writer = await self._uploads.open_writer(self._principal, upload.id)
        try:
            if attributes.size and attributes.size != upload.length:
                await writer.announce(attributes.size)
        except BaseException:
            await self._uploads.close_writer(writer, UploadState.INTERRUPTED)
            raise
        return Opened(
            path=upload.path,
            appends=appends,
            writer=writer,
            resumes=True,
            announced=attributes.size or upload.length,
            told=self.told.pop(upload.id, None),
        )

    async def _settled(self, path: CasePath, upload: Upload) -> StoredFile | Upload | None:
        """Return what stands at `path` once an upload that has all its bytes is finished."""
        upload = await self._uploads.show(self._principal, upload.id)
        if upload.state is not UploadState.RECEIVED:
            return upload
        entry = await self._entry(path)
        return None if isinstance(entry, Folder) else entry

    async def _check_changeable(self, path: CasePath) -> None:
        """Raise now what the first WRITE would raise: clients expect it of OPEN."""
        case = await self._files.case(self._principal, self._case_number, Action.UPLOAD)
        case.check_not_held()
        check_writable(path, is_staff=self._principal.is_staff)

    async def _entry(self, path: CasePath) -> Entry | None:
        try:
            return await self._files.entry(self._principal, self._case_number, path)
        except EntryMissingError:
            return None
