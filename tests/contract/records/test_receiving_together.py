"""Files of one case that came whole at once: received by one transaction, each as if alone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    audited,
    begin,
    close_case,
    discards,
    finished,
    new_upload,
    open_case,
    receive,
)
from transfer.core.errors import CaseClosedError, InvalidRequestError, IsAFolderError
from transfer.core.uploads import StoredFile, Upload, UploadState
from transfer.ports import JobKind, NewUpload, Records


async def send(records: Records, *uploads: NewUpload) -> list[Any]:
    """Receive uploads at the same moment, and return what came of each."""
    done = [finished(now=after(3)) for _ in uploads]
    reservations = await records.uploads.reserve([one.object_key for one in done], after(60))
    return await asyncio.gather(
        *(
            records.uploads.receive(new, one, CUSTOMER, reservation)
            for new, one, reservation in zip(uploads, done, reservations, strict=True)
        ),
        return_exceptions=True,
    )


async def file_of(records: Records, upload: Upload) -> StoredFile:
    assert upload.file_id is not None
    return await records.tree.file(upload.file_id)


@contextmanager
def statements() -> Iterator[list[str]]:
    said: list[str] = []

    def execute(_: Connection, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", execute)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", execute)


async def test_each_has_what_it_would_have_alone(records: Records) -> None:
    await open_case(records)
    await receive(records, "logs/here.log")
    before = len(await audited(records))
    paths = ["a.log", "b.log", "logs/a.log", "logs/b.log"]
    uploads = await send(records, *(new_upload(at) for at in paths))
    assert [upload.path for upload in uploads] == paths
    for upload in uploads:
        assert upload == await records.uploads.upload(upload.id)
        file = await file_of(records, upload)
        assert (file.path, file.created_at) == (upload.path, after(3))
    assert (await audited(records))[before:] == ["file.received"] * 4
    told = [one.id for one in await records.outbox.claim("w", after(9), after(99))]
    assert told[-4:] == [f"file-received-{upload.file_id}" for upload in uploads]
    assert await discards(records) == (set(), set())


async def test_many_cost_hardly_more_statements_than_one(records: Records) -> None:
    await open_case(records)
    with statements() as of_one:
        await send(records, new_upload("first.log"))
    with statements() as of_many:
        await send(records, *(new_upload(f"{number}.log") for number in range(16)))
    assert len(of_many) == len(of_one)


async def test_more_than_go_together_are_all_received(records: Records) -> None:
    await open_case(records)
    uploads = await send(records, *(new_upload(f"{number}.log") for number in range(40)))
    assert len({upload.file_id for upload in uploads}) == 40


async def test_of_those_for_one_name_each_gets_its_own(records: Records) -> None:
    await open_case(records)
    uploads = await send(records, *(new_upload("a.log") for _ in range(3)))
    names = {(await file_of(records, upload)).path for upload in uploads}
    assert names == {"a.log", "a (2).log", "a (3).log"}


async def test_what_is_not_as_simple_keeps_none_of_the_others_from_it(records: Records) -> None:
    await open_case(records)
    old = await receive(records, "old.log")
    await receive(records, "folder/here.log")
    plain, blocked, deep, anew, listed = await send(
        records,
        new_upload("plain.log"),
        new_upload("folder"),
        new_upload("new/deep.log"),
        new_upload("old.log", replaces=True),
        new_upload("SHA256SUMS"),
    )
    assert isinstance(blocked, IsAFolderError)
    assert (await file_of(records, deep)).path == "new/deep.log"
    assert (await file_of(records, anew)).path == "old.log"
    files = {file.path for file in (await records.tree.files(NUMBER))[0]}
    expected = {"plain.log", "new/deep.log", "old.log", "folder/here.log", "SHA256SUMS"}
    assert files == expected
    keys, _ = await discards(records)
    assert old.object_key in keys
    assert (await file_of(records, plain)).object_key not in keys
    assert (await file_of(records, listed)).object_key not in keys
    jobs = await records.jobs.claim("w", after(9), after(99), kind=JobKind.SIDE_FILE)
    assert [job.payload["file_id"] for job in jobs] == [listed.file_id]


async def test_one_that_replaces_ends_the_older_ones_over_which_it_was_sent(
    records: Records,
) -> None:
    await open_case(records)
    older = await begin(records, "a.log", replaces=True)
    newer, _ = await send(
        records, new_upload("a.log", replaces=True, now=after(2)), new_upload("b.log")
    )
    assert (await file_of(records, newer)).path == "a.log"
    assert (await records.uploads.upload(older.id)).state is UploadState.ABANDONED


async def test_one_that_no_row_can_hold_fails_alone(records: Records) -> None:
    await open_case(records)
    good, bad, other = await send(
        records,
        new_upload("good.log"),
        new_upload("bad.log", metadata="\ud800"),
        new_upload("other.log"),
    )
    assert isinstance(bad, InvalidRequestError)
    assert {(await file_of(records, one)).path for one in (good, other)} == {
        "good.log",
        "other.log",
    }


async def test_a_closed_case_refuses_all_and_no_other_case_does(records: Records) -> None:
    case = await open_case(records)
    await open_case(records, OTHER_NUMBER)
    await close_case(records, case, NOW)
    first, second, elsewhere = await send(
        records,
        new_upload("a.log"),
        new_upload("b.log"),
        new_upload("c.log", case_number=OTHER_NUMBER),
    )
    assert isinstance(first, CaseClosedError)
    assert isinstance(second, CaseClosedError)
    assert (await file_of(records, elsewhere)).path == "c.log"
