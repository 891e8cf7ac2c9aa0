"""Files of one case that came whole at the same time: the rows of all, by one statement a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert

from transfer.core.access import Principal
from transfer.core.cases import Case, CaseNumber
from transfer.core.names import CasePath, components, join, name_key, split
from transfer.core.receipts import upload_statement
from transfer.core.side_files import is_side_file
from transfer.core.uploads import Upload
from transfer.ports import Finished, NewUpload
from transfer.records import audit, cases, completion, creation, folders, jobs, outbox
from transfer.records.arrival import received
from transfer.records.rows import as_row
from transfer.records.tables import files, uploads

_INSERT_FILES = insert(files)
_INSERT_UPLOADS = insert(uploads)


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A file whose object is stored; see `arrival.receive`."""

    new: NewUpload
    finished: Finished
    principal: Principal
    reservation: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that is there, and the arrivals for it."""

    folder_id: int
    path: CasePath
    arrived: list[Arrived]


def receive_together(
    connection: Connection, number: CaseNumber, arrived: Sequence[Arrived]
) -> list[Upload | None]:
    """Receive what takes a free name in a folder that is there; see `arrival.receive`.

    All else is to be received alone: of such a one nothing is written, and it gives None.

    Raises:
        CaseMissingError, CaseClosedError: no such case, or it takes nothing new.
    """
    case = cases.lock_open(connection, number)
    places = [
        replace(place, arrived=_free(connection, place))
        for place in _places(connection, number, filter(_is_plain, arrived))
    ]
    wanted = [one.reservation for place in places for one in place.arrived]
    taken_back = jobs.take_back(connection, wanted) if wanted else set()
    made: dict[Arrived, Upload] = {}
    if taken_back:
        made = _make(connection, case, places, taken_back)
    return [made.get(one) for one in arrived]


def _is_plain(one: Arrived) -> bool:
    """Whether it changes no row but its own: nothing goes for it, no other file is judged by it."""
    new = one.new
    return (
        not new.replaces
        and new.concatenation is None
        and new.expected_sha256 in (None, one.finished.sha256)
        and not is_side_file(split(new.path)[1])
    )


def _places(connection: Connection, number: CaseNumber, arrived: Iterable[Arrived]) -> list[_Place]:
    """Return the folders that arrivals are for, as far as they are there."""
    by_folder: dict[CasePath, list[Arrived]] = {}
    for one in arrived:
        by_folder.setdefault(split(one.new.path)[0], []).append(one)
    places = []
    for path, within in by_folder.items():
        way = folders.way(connection, number, path)
        if len(way.ids) > len(components(path)):
            places.append(_Place(way.ids[-1], way.path, within))
    return places


def _free(connection: Connection, place: _Place) -> list[Arrived]:
    """Return the arrivals whose name nothing has; of those for one name, the first."""
    first: dict[str, Arrived] = {}
    for one in place.arrived:
        first.setdefault(name_key(split(one.new.path)[1]), one)
    taken = completion.taken_keys(connection, place.folder_id, list(first))
    return [one for key, one in first.items() if key not in taken]


def _make(
    connection: Connection, case: Case, places: Sequence[_Place], reservations: set[int]
) -> dict[Arrived, Upload]:
    """Insert the rows of the arrivals whose reservations were taken back; each serves one."""
    made, file_rows, upload_rows, events, entries = {}, [], [], [], []
    for place in places:
        for one in place.arrived:
            if one.reservation not in reservations:
                continue
            reservations.remove(one.reservation)
            values = creation.values(one.new, one.principal, None, place.folder_id)
            row = as_row(uploads, values)
            file_row, file = completion.file_to_be(row, join(place.path, row.name), one.finished)
            receipt = upload_statement(file, row.id)
            event, audited = completion.news_of(file, one.principal, row.id, None)
            file_rows.append(file_row)
            upload_rows.append(vars(row) | completion.ended(one.finished, receipt))
            events.append(event)
            entries.append(audited)
            made[one] = received(row, case, file, one.finished)
    connection.execute(_INSERT_FILES, file_rows)
    connection.execute(_INSERT_UPLOADS, upload_rows)
    outbox.add_all(connection, events)
    audit.add_all(connection, entries)
    return made
