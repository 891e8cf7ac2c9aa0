"""The ledger of uploads: what is durable of a file on its way in, and who writes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.concatenation import Concatenation
from transfer.core.names import CasePath
from transfer.core.uploads import (
    DigestState,
    Direction,
    FileId,
    Part,
    StoredFile,
    Tail,
    Upload,
    UploadId,
    UploadState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What an upload begins with."""

    id: UploadId
    case_number: CaseNumber
    path: CasePath
    direction: Direction
    length: int | None
    now: datetime
    expires_at: datetime
    replaces: bool = False
    make_folders: bool = True
    metadata: str | None = None
    content_type: str | None = None
    modified_at: datetime | None = None
    expected_sha256: str | None = None
    concatenation: Concatenation | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one writer, `owner`, until a moment that it keeps moving on."""

    owner: str
    until: datetime


class LeaseStanding(StrEnum):
    """How the holder of a lease stands."""

    HELD = "held"
    WANTED = "wanted"  # another writer asks for it: make durable what is here, then let go
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What a commit adds to an upload: parts and a tail that the store has, up to `offset`.

    `tail` replaces the present one, also when None. `expires_at` moves the upload's expiry on.
    """

    expected_offset: int
    offset: int
    parts: tuple[Part, ...]
    tail: Tail | None
    digest: DigestState
    now: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The file that an upload has become, for its row."""

    file_id: FileId
    object_key: str
    size: int
    sha256: str
    digest: DigestState
    verified: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The object that a partial upload has become, for its row."""

    object_key: str
    size: int
    digest: DigestState
    now: datetime


class UploadLedger(Protocol):
    """Uploads and their durable parts; one writer each, by a lease with a fencing token.

    A method that takes a `fence` changes nothing and raises WriterReplacedError when the row's
    fence is another, or the upload is no longer `receiving`.
    """

    async def create(
        self, new: NewUpload, principal: Principal, lease: Lease | None = None
    ) -> Upload:
        """Insert an upload, with its folders if `make_folders`; leased at once if `lease` is given.

        A final upload that its sender asks for again is returned as it is, as long as it lives or
        its file is there.

        Raises:
            CaseMissingError, CaseClosedError: no such case, or it takes nothing new.
            EntryMissingError: its folder isn't there and isn't to be made.
            NotAFolderError, IsAFolderError: a file stands where a folder is needed, or reverse.
            InvalidRequestError, UploadGoneError: it can't be made of its pieces.
        """

    async def reserve(self, keys: Sequence[str], until: datetime) -> list[int]:
        """Have each of `keys` discarded at `until`, unless `receive` makes a file of it before.

        So the ledger knows of every object before it is stored. Returns a reservation a key.
        """

    async def receive(
        self, new: NewUpload, finished: Finished, principal: Principal, reservation: int
    ) -> Upload:
        """Insert an upload as the file that it is already; see `create` and `finish`.

        Raises:
            StoreUnavailableError: the object is being discarded: it took too long.
        """

    async def upload(self, upload_id: UploadId) -> Upload:
        """Return an upload in any state.

        Raises:
            UploadMissingError: no such upload.
        """

    async def parts(self, upload_id: UploadId) -> list[Part]:
        """Return the committed parts in the order of their numbers."""

    async def pieces(self, upload_id: UploadId) -> list[Upload]:
        """Return what a final upload is made of, in its order."""

    async def finals(self, piece_id: UploadId) -> list[UploadId]:
        """Return the final uploads that wait for a partial one, or are just made of it."""

    async def acquire_final(
        self, upload_id: UploadId, lease: Lease, now: datetime
    ) -> Upload | None:
        """Lease a final upload that isn't a file yet, if nobody holds it; its fence grows.

        Who holds it isn't told: whoever puts it together does so for all.
        """

    async def acquire(
        self, upload_id: UploadId, lease: Lease, now: datetime, *, force: bool = False
    ) -> Upload | None:
        """Lease a `receiving` or `interrupted` upload, which becomes `receiving`; its fence grows.

        Returns None when another holds it (its holder is then told WANTED), unless `force` or its
        lease has run out.

        Raises:
            UploadMissingError: no such upload.
            UploadGoneError: received, abandoned, or being completed.
        """

    async def renew(
        self, held: Mapping[UploadId, int], until: datetime
    ) -> dict[UploadId, LeaseStanding]:
        """Move the leases of `held` (fences by upload) on, and tell how each stands."""

    async def standings(self, held: Mapping[UploadId, int]) -> dict[UploadId, LeaseStanding]:
        """Tell how each of the leases of `held` stands, without moving them on; a mere read."""

    async def begin_multipart(
        self, upload_id: UploadId, fence: int, *, object_key: str, multipart_id: str
    ) -> None:
        """Note the multipart upload that takes this upload's parts."""

    async def reserve_part(self, upload_id: UploadId, fence: int, count: int = 1) -> int:
        """Return the first of `count` consecutive part numbers never used before by this upload.

        Raises:
            TooLargeError: S3's 10,000 numbers are used up.
        """

    async def commit(self, upload_id: UploadId, fence: int, advance: Advance) -> None:
        """Move the offset from `expected_offset` on; the tail's predecessor becomes a discard job.

        Raises:
            WriterReplacedError: also when the row's offset is not `expected_offset`.
            ValueError: parts and tail don't follow each other, or a number was never reserved.
        """

    async def reveal(
        self, upload_id: UploadId, fence: int, instead_of: Mapping[UploadId, int], now: datetime
    ) -> None:
        """Have a draft stand at its path, and the uploads `instead_of` which it does be drafts.

        These come with the fences under which they were written. Nothing happens if one has
        another by now: somebody goes on with it.

        An upload by SFTP that doesn't replace is a draft: nobody is shown it, so that a crash
        while it is filled leaves what was there before. It goes when it expires.
        """

    async def set_aside(self, upload_id: UploadId, fence: int, now: datetime) -> None:
        """Note that the multipart upload was put together: all bytes are in its one object now.

        The tail and the parts are no longer needed; the offset stays. See `take_up`.
        """

    async def take_up(
        self, upload_id: UploadId, fence: int, multipart: tuple[str, str] | None, advance: Advance
    ) -> Upload:
        """Have an upload that was set aside grow again: its object's bytes were copied.

        `advance` has them as parts of `multipart` (its key and id), or all as a tail; its offset
        is the one that the upload has. The object becomes a discard job.
        """

    async def release(
        self, upload_id: UploadId, fence: int, state: UploadState, now: datetime
    ) -> None:
        """Let go of the lease, leaving the upload `receiving` or `interrupted`.

        Does nothing when the lease is lost: the new holder decides.
        """

    async def announce(
        self, upload_id: UploadId, length: int, expected_sha256: str | None, now: datetime
    ) -> Upload:
        """Set the length (see check_announcement) and, if given, the promised digest.

        Raises:
            LengthMismatchError, DigestChangedError: another was told before.
        """

    async def promise(self, upload_id: UploadId, sha256: str, now: datetime) -> Upload:
        """Note the digest that its sender promises; of a received upload nothing changes.

        Raises:
            UploadMissingError, UploadGoneError: no such upload, or abandoned.
            DigestChangedError: another one was promised before.
        """

    async def begin_completion(
        self, upload_id: UploadId, now: datetime
    ) -> tuple[Upload, list[Part]]:
        """Make a whole upload `completing`, under a new fence; one that is `completing` stays.

        Returns it with its parts as they were at that moment: of a `received` one there are none.

        Raises:
            UploadGoneError: abandoned, or not whole any more.
        """

    async def finish(
        self,
        upload_id: UploadId,
        finished: Finished,
        principal: Principal | None,
        *,
        fence: int | None = None,
    ) -> StoredFile:
        """Make the upload a file: from `completing`, or under `fence` from `receiving`.

        With it go, in the same transaction: the replaced file or a free name, the discard of what
        is no longer needed, the audit event, the event `file.received` for the case core, what the
        receipt says. Repeatable: of a received upload it returns the file.

        Raises:
            UploadGoneError: abandoned meanwhile.
            DigestMismatchError: not what was promised, maybe just now; nothing was written.
        """

    async def keep(self, upload_id: UploadId, kept: Kept, *, fence: int | None = None) -> None:
        """Make a partial upload `received`, as an object; from the states that `finish` takes.

        Repeatable. The discard of what is no longer needed goes with it.

        Raises:
            UploadGoneError: abandoned meanwhile.
        """

    async def abandon(
        self,
        upload_id: UploadId,
        principal: Principal | None,
        reason: str,
        now: datetime,
        *,
        even_completing: bool = False,
        fence: int | None = None,
    ) -> None:
        """End an unfinished upload for good, and queue the discard of its bytes. Repeatable.

        A whole partial one too; final uploads that wait for it end with it.

        Raises:
            UploadBusyError: it is `completing`, and not `even_completing`; or a final is just made
                of it.
            UploadGoneError: it is a file by now.
            WriterReplacedError: it is under another fence than `fence`, if one is given.
        """

    async def unfinished(self, case_number: CaseNumber) -> list[Upload]:
        """Return the live uploads of a case, oldest first."""

    async def overdue(self, now: datetime, limit: int = 100) -> list[Upload]:
        """Return uploads that a worker must see to.

        Expired ones, and any left `completing` by a process that is gone: untouched for a minute.
        Final ones whose pieces have been whole for as long; whole partials that have expired, but
        for those that an unfinished final still needs.
        """
