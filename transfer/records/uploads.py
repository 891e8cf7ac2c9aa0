"""The ledger of uploads in rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import InvalidRequestError
from transfer.core.uploads import Part, StoredFile, Upload, UploadId, UploadState
from transfer.ports import Advance, Finished, Kept, Lease, LeaseStanding, NewUpload
from transfer.records import (
    abandonment,
    arrival,
    arrivals,
    completion,
    creation,
    jobs,
    leases,
    lookup,
    pieces,
    progress,
    staging,
)
from transfer.records.arrivals import Arrived
from transfer.records.database import Database
from transfer.records.gathering import Gathering

_FEW = 8
"""How many files the loop may receive in a row: so long everybody else waits."""


class SqlUploadLedger:
    """Uploads and their durable parts; plays the role `transfer.ports.UploadLedger`.

    A method that takes a `fence` changes nothing and raises WriterReplacedError when the row's
    fence is another, or the upload is no longer `receiving`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._arrivals = Gathering(self._receive_together)

    async def create(
        self, new: NewUpload, principal: Principal, lease: Lease | None = None
    ) -> Upload:
        """Insert an upload, with its folders if `make_folders`; leased at once if `lease` is given.

        Raises:
            CaseMissingError: no such case.
            CaseClosedError: it takes nothing new. Closing waits for this, or this for closing.
            HeldError: it would replace a file that a hold keeps.
            EntryMissingError: its folder isn't there and isn't to be made.
            NotAFolderError, IsAFolderError: a file stands where a folder is needed, or reverse.
            InvalidRequestError, UploadGoneError: it can't be made of its pieces.
        """
        return await self._database.jot(creation.create, new, principal, lease)

    async def reserve(self, keys: Sequence[str], until: datetime) -> list[int]:
        """Have each of `keys` discarded at `until`, unless `receive` makes a file of it before."""
        return await self._database.jot(jobs.reserve, keys, until)

    async def receive(
        self, new: NewUpload, finished: Finished, principal: Principal, reservation: int
    ) -> Upload:
        """Insert an upload as the file that it is already; see `create` and `finish`.

        Raises:
            StoreUnavailableError: the object is being discarded: it took too long.
        """
        arrived = Arrived(new, finished, principal, reservation)
        upload = await self._arrivals.join(new.case_number, arrived)
        if upload is not None:
            return upload
        return await self._database.jot(arrival.receive, new, finished, principal, reservation)

    async def _receive_together(
        self, number: CaseNumber, arrived: Sequence[Arrived]
    ) -> Sequence[Upload | None]:
        run = self._database.jot if len(arrived) <= _FEW else self._database.write
        try:
            return await run(arrivals.receive_together, number, arrived)
        except (InvalidRequestError, IntegrityError):  # of one of them; alone, each has its own
            return [None] * len(arrived)

    async def upload(self, upload_id: UploadId) -> Upload:
        """Return an upload in any state.

        Raises:
            UploadMissingError: no such upload.
        """
        return await self._database.look(lookup.upload, upload_id)

    async def parts(self, upload_id: UploadId) -> list[Part]:
        """Return the committed parts in the order of their numbers."""
        return await self._database.read(lookup.parts, upload_id)

    async def pieces(self, upload_id: UploadId) -> list[Upload]:
        """Return what a final upload is made of, in its order."""
        return await self._database.read(pieces.of, upload_id)

    async def finals(self, piece_id: UploadId) -> list[UploadId]:
        """Return the final uploads that wait for a partial one, or are just made of it."""
        return await self._database.read(pieces.finals, piece_id)

    async def acquire_final(
        self, upload_id: UploadId, lease: Lease, now: datetime
    ) -> Upload | None:
        """Lease a final upload that isn't a file yet, if nobody holds it; its fence grows."""
        return await self._database.write(pieces.acquire, upload_id, lease, now)

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
        return await self._database.jot(leases.acquire, upload_id, lease, now, force=force)

    async def renew(
        self, held: Mapping[UploadId, int], until: datetime
    ) -> dict[UploadId, LeaseStanding]:
        """Move the leases of `held` (fences by upload) on, and tell how each stands."""
        return await self._database.write(leases.renew, held, until)

    async def standings(self, held: Mapping[UploadId, int]) -> dict[UploadId, LeaseStanding]:
        """Tell how each of the leases of `held` stands, without moving them on; a mere read."""
        return await self._database.read(leases.standings, held)

    async def begin_multipart(
        self, upload_id: UploadId, fence: int, *, object_key: str, multipart_id: str
    ) -> None:
        """Note the multipart upload that takes this upload's parts: one for all its life."""
        await self._database.write(
            progress.begin_multipart, upload_id, fence, object_key, multipart_id
        )

    async def reserve_part(self, upload_id: UploadId, fence: int, count: int = 1) -> int:
        """Return the first of `count` consecutive part numbers never used before by this upload.

        Raises:
            TooLargeError: there are not that many left.
        """
        return await self._database.jot(progress.reserve_part, upload_id, fence, count)

    async def commit(self, upload_id: UploadId, fence: int, advance: Advance) -> None:
        """Move the offset from `expected_offset` on; the tail's predecessor becomes a discard job.

        Raises:
            WriterReplacedError: also when the row's offset is not `expected_offset`.
            ValueError: the parts and the tail leave a gap, or a number was never reserved.
        """
        await self._database.jot(progress.commit, upload_id, fence, advance)

    async def reveal(
        self, upload_id: UploadId, fence: int, instead_of: Mapping[UploadId, int], now: datetime
    ) -> None:
        """Have a draft stand at its path, and the uploads `instead_of` which it does be drafts."""
        await self._database.write(staging.reveal, upload_id, fence, instead_of, now)

    async def set_aside(self, upload_id: UploadId, fence: int, now: datetime) -> None:
        """Note that the multipart upload was put together: all bytes are in its one object now."""
        await self._database.write(staging.set_aside, upload_id, fence, now)

    async def take_up(
        self, upload_id: UploadId, fence: int, multipart: tuple[str, str] | None, advance: Advance
    ) -> Upload:
        """Have an upload that was set aside grow again: its object's bytes were copied."""
        return await self._database.write(staging.take_up, upload_id, fence, multipart, advance)

    async def release(
        self, upload_id: UploadId, fence: int, state: UploadState, now: datetime
    ) -> None:
        """Let go of the lease, leaving the upload `receiving` or `interrupted`.

        Does nothing when the lease is lost: the new holder decides.
        """
        await self._database.jot(leases.release, upload_id, fence, state, now)

    async def announce(
        self, upload_id: UploadId, length: int, expected_sha256: str | None, now: datetime
    ) -> Upload:
        """Set the length (see check_announcement) and, if given, the promised digest.

        Raises:
            UploadMissingError, UploadGoneError: no such upload, or abandoned.
            LengthMismatchError: it was another before, or more bytes are here.
        """
        return await self._database.write(
            progress.announce, upload_id, length, expected_sha256, now
        )

    async def promise(self, upload_id: UploadId, sha256: str, now: datetime) -> Upload:
        """Note the digest that its sender promises; of a received upload nothing changes.

        Raises:
            UploadMissingError, UploadGoneError: no such upload, or abandoned.
            DigestChangedError: another one was promised before.
        """
        return await self._database.write(progress.promise, upload_id, sha256, now)

    async def begin_completion(
        self, upload_id: UploadId, now: datetime
    ) -> tuple[Upload, list[Part]]:
        """Make a whole upload `completing`, under a new fence, and return it and its parts.

        One that is `completing` or `received` is returned as it is.

        Raises:
            UploadGoneError: abandoned, or not whole any more.
        """
        return await self._database.write(completion.begin, upload_id, now)

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
        is no longer needed, the audit event, the event `file.received` for the case core.
        Repeatable: of a received upload it returns the file.

        Raises:
            UploadGoneError: abandoned meanwhile, removed since, or its case is being deleted.
            DigestMismatchError: not what was promised, maybe just now; nothing was written.
            WriterReplacedError: `fence` is an old one.
        """
        # Of parts there may be thousands; under a fence there are none.
        run = self._database.write if fence is None else self._database.jot
        return await run(completion.finish, upload_id, finished, principal, fence)

    async def keep(self, upload_id: UploadId, kept: Kept, *, fence: int | None = None) -> None:
        """Make a partial upload `received`, as an object: from `completing`, or under `fence`.

        Raises:
            UploadMissingError, UploadGoneError: no such upload, or abandoned meanwhile.
            WriterReplacedError: `fence` is an old one.
        """
        await self._database.write(pieces.keep, upload_id, kept, fence)

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

        Raises:
            UploadMissingError, UploadGoneError: no such upload, or a file by now.
            WriterReplacedError: it is under another fence than `fence`, if one is given.
            UploadBusyError: it is being completed, and not `even_completing`; or a final is just
                made of it.
        """
        if fence is not None:
            await self._database.write(
                abandonment.abandon_under, upload_id, fence, principal, reason, now
            )
            return
        await self._database.write(
            abandonment.abandon,
            upload_id,
            principal,
            reason,
            now,
            even_completing=even_completing,
        )

    async def unfinished(self, case_number: CaseNumber) -> list[Upload]:
        """Return the live uploads of a case, oldest first."""
        return await self._database.read(lookup.unfinished, case_number)

    async def overdue(self, now: datetime, limit: int = 100) -> list[Upload]:
        """Return uploads that a worker must see to.

        Expired ones, and any left `completing` by a process that is gone (last touched over a
        minute ago). Final ones whose pieces have been whole for as long; whole partials that have
        expired, but for those that an unfinished final still needs.
        """
        return await self._database.read(pieces.overdue, now, limit)
