"""How an upload begins."""

from typing import Any

from sqlalchemy import Connection, insert

from transfer.core.access import Principal
from transfer.core.cases import Case
from transfer.core.errors import IsAFolderError
from transfer.core.names import CasePath, join, name_key, split
from transfer.core.uploads import Concat, Upload, UploadState
from transfer.ports import Lease, NewUpload
from transfer.records import cases, entries, folders, lookup, pieces
from transfer.records.prepared import Prepared
from transfer.records.rows import AnyRow, as_row, upload_of
from transfer.records.tables import uploads

_INSERT = Prepared(insert(uploads))


def create(
    connection: Connection, new: NewUpload, principal: Principal, lease: Lease | None
) -> Upload:
    """Insert an upload, with its folders if it is to make them; see the port.

    Raises:
        CaseClosedError: the case takes nothing new.
        HeldError: it would replace a file that a hold keeps.
        InvalidRequestError, UploadGoneError: it can't be made of its pieces.
    """
    case = cases.lock_open(connection, new.case_number)
    concatenation = new.concatenation
    if concatenation is not None and concatenation.role is Concat.FINAL:
        asked_before = pieces.repeated(connection, new, concatenation.header, principal)
        if asked_before is not None:
            return lookup.with_paths(connection, [asked_before])[0]
        pieces.check(connection, new, concatenation)
    folder_id, folder = _folder_for(connection, case, new)
    begun = values(new, principal, lease, folder_id)
    _INSERT.run(connection, begun)
    if concatenation is not None:
        pieces.add(connection, new.id, concatenation.pieces)
    row = as_row(uploads, begun)
    return upload_of(row, join(folder, row.name), case.id)


def row_to_be(connection: Connection, case: Case, new: NewUpload, principal: Principal) -> AnyRow:
    """Return the row that an upload will have, its folders made if it is to make them.

    Raises:
        EntryMissingError, NotAFolderError, IsAFolderError: its path is taken or isn't there.
        HeldError: it would replace a file that a hold keeps.
    """
    folder_id, _ = _folder_for(connection, case, new)
    return as_row(uploads, values(new, principal, None, folder_id))


def _folder_for(connection: Connection, case: Case, new: NewUpload) -> tuple[int, CasePath]:
    """Return the folder that an upload will be in, and its path."""
    concatenation = new.concatenation
    place = entries.place_of(connection, new.case_number, new.path)
    if place is None:
        return _folder_to_be(connection, new)
    is_file = concatenation is None or concatenation.role is Concat.FINAL
    if is_file and place.standing.folder is not None:
        raise IsAFolderError("A folder of that name is already there.")
    if new.replaces and case.keeping is not None and place.standing.file is not None:
        case.check_not_held()  # one that is placed meanwhile lets both stand: see `completion`
    return place.folder_ids[-1], place.parent


def _folder_to_be(connection: Connection, new: NewUpload) -> tuple[int, CasePath]:
    parent = split(new.path)[0]
    if not new.make_folders:
        folder_id = folders.chain(connection, new.case_number, parent)[-1]
    else:
        folder_id = folders.make_missing(connection, new.case_number, parent, new.now)
    return folder_id, folders.path_of(connection, folder_id)


def values(
    new: NewUpload, principal: Principal, lease: Lease | None, folder_id: int
) -> dict[str, Any]:
    """Return the row of an upload that begins."""
    name = split(new.path)[1]
    return {
        "id": new.id,
        "case_number": new.case_number,
        "folder_id": folder_id,
        "name": name,
        "name_key": name_key(name),
        "direction": new.direction,
        "door": principal.door,
        "sent_by": principal.name,
        "state": UploadState.RECEIVING,
        "offset": 0,
        "length": new.length,
        "created_at": new.now,
        "updated_at": new.now,
        "expires_at": new.expires_at,
        "digest_sha256": None,
        "digest_crc64nvme": 0,
        "next_part_number": 1,
        "metadata": new.metadata,
        "content_type": new.content_type,
        "modified_at": new.modified_at,
        "expected_sha256": new.expected_sha256,
        "replaces": new.replaces,
        "fence": 1 if lease else 0,
        "owner": lease.owner if lease else None,
        "lease_until": lease.until if lease else None,
        "concat": new.concatenation.role if new.concatenation else None,
        "concat_header": new.concatenation.header if new.concatenation else None,
    }
