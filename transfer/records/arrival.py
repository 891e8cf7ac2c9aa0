"""How a file is received that came whole with its creation: begun and finished at once."""

from dataclasses import replace

from sqlalchemy import Connection, insert

from transfer.core.access import Principal
from transfer.core.cases import Case
from transfer.core.errors import StoreUnavailableError
from transfer.core.names import ROOT, join, split
from transfer.core.uploads import StoredFile, Upload, UploadState
from transfer.ports import Finished, NewUpload
from transfer.records import cases, completion, creation, jobs
from transfer.records.rows import AnyRow, upload_of
from transfer.records.tables import uploads

_INSERT = insert(uploads)


def receive(
    connection: Connection,
    new: NewUpload,
    finished: Finished,
    principal: Principal,
    reservation: int,
) -> Upload:
    """Insert an upload and make it a file; see the port.

    Its object stays because its reservation goes: of the two, the discard and this, one happens.

    Raises:
        CaseClosedError: the case takes nothing new.
        HeldError: it would replace a file that a hold keeps.
        StoreUnavailableError: the discard has begun.
    """
    case = cases.lock_open(connection, new.case_number)
    if not jobs.take_back(connection, [reservation]):
        raise StoreUnavailableError("It took too long to store the file: send it again.")
    row = creation.row_to_be(connection, case, new, principal)
    # Most have no folder, and where they are needn't be looked up then.
    folder = ROOT if split(new.path)[0] == ROOT else None
    file = completion.make_file(connection, row, finished, principal, end=_insert, folder=folder)
    return received(row, case, file, finished)


def received(row: AnyRow, case: Case, file: StoredFile, finished: Finished) -> Upload:
    """Return the upload that has become `file`; `row` is what it was to be."""
    return replace(
        upload_of(row, join(split(file.path)[0], row.name), case.id),
        state=UploadState.RECEIVED,
        offset=finished.size,
        file_id=file.id,
        updated_at=finished.now,
    )


def _insert(connection: Connection, row: AnyRow, finished: Finished, receipt: str) -> None:
    connection.execute(_INSERT, vars(row) | completion.ended(finished, receipt))
