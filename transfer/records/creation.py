"""How an upload begins."""

from sqlalchemy import Connection, insert

from transfer.core.access import Principal
from transfer.core.names import join, name_key, split
from transfer.core.uploads import Upload, UploadState
from transfer.ports import Lease, NewUpload
from transfer.records import cases, entries, folders
from transfer.records.rows import AnyRow, upload_of
from transfer.records.tables import uploads


def create(
    connection: Connection, new: NewUpload, principal: Principal, lease: Lease | None
) -> Upload:
    """Insert an upload, with its folders if it is to make them; see the port.

    Raises:
        CaseClosedError: the case takes nothing new.
    """
    case = cases.lock_open(connection, new.case_number)
    parent, name = split(new.path)
    if new.make_folders:
        folder_id = folders.make_missing(connection, new.case_number, parent, new.now)
    else:
        folder_id = folders.chain(connection, new.case_number, parent)[-1]
    entries.check_no_folder(connection, folder_id, name)
    row = _insert(connection, new, principal, lease, folder_id)
    return upload_of(row, join(folders.path_of(connection, folder_id), name), case.id)


def _insert(
    connection: Connection,
    new: NewUpload,
    principal: Principal,
    lease: Lease | None,
    folder_id: int,
) -> AnyRow:
    name = split(new.path)[1]
    values = {
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
    }
    return connection.execute(insert(uploads).returning(uploads), values).one()
