"""The end of the audit log and what is under way, as those who watch cases are told of it."""

import asyncio
from dataclasses import replace

from sqlalchemy import Connection, insert
from sqlalchemy.util import await_only

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    begin,
    open_case,
    receive,
)
from transfer.core.uploads import UploadState
from transfer.ports import AuditEvent, Records
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.tables import audit_events

REMOVED = AuditEvent(at=NOW, action="file.removed", actor="a", case_number=NUMBER, subject="f")


async def test_the_log_is_read_on_from_a_number(records: Records) -> None:
    assert await records.feed.last() == 0
    for action in ("file.removed", "file.downloaded", "case.closed"):
        await records.audit.record(replace(REMOVED, action=action, details={"path": "a"}))
    last = await records.feed.last()
    noted = await records.feed.since(0, 10)
    assert [one.action for one in noted] == ["file.removed", "file.downloaded", "case.closed"]
    assert [one.number for one in noted] == sorted(one.number for one in noted)
    assert noted[-1].number == last
    assert (noted[0].case_number, noted[0].subject, noted[0].at) == (NUMBER, "f", NOW)
    assert noted[0].details == {"path": "a"}
    assert await records.feed.since(noted[0].number, 1) == noted[1:2]
    assert await records.feed.since(last, 10) == []
    assert await records.feed.these([noted[2].number, noted[0].number, last + 7]) == [
        noted[0],
        noted[2],
    ]


async def test_of_a_case_only_what_is_told_of_is_read(records: Records) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        for action in ("file.removed", "file.downloaded", "case.reopened", "sftp.refused"):
            await records.audit.record(replace(REMOVED, action=action, case_number=number))
    told = await records.feed.of_case(NUMBER, 0, 10)
    assert [one.action for one in told] == ["file.removed", "case.reopened"]
    assert {one.case_number for one in told} == {NUMBER}
    assert await records.feed.of_case(NUMBER, told[0].number, 10) == told[1:]
    assert await records.feed.of_case(NUMBER, 0, 1) == told[:1]


async def test_what_is_under_way_is_told_of_several_cases_the_latest_first(
    records: Records,
) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        await open_case(records, number)
    await receive(records, "done.log")
    first = await begin(records, "logs/first.log")
    second = await begin(records, "second.log", case_number=OTHER_NUMBER, now=after(5))
    found = await records.feed.underway([NUMBER, OTHER_NUMBER], 10)
    assert [(one.id, one.path) for one in found] == [
        (second.id, "second.log"),
        (first.id, "logs/first.log"),
    ]
    assert await records.feed.underway([NUMBER, OTHER_NUMBER], 1) == found[:1]
    assert await records.feed.underway([NUMBER], 10) == found[1:]
    await records.uploads.release(first.id, first.fence, UploadState.INTERRUPTED, after(9))
    assert (await records.feed.underway([NUMBER], 10))[0].state is UploadState.INTERRUPTED
    await records.uploads.abandon(first.id, CUSTOMER, "test", after(10))
    assert await records.feed.underway([NUMBER], 10) == []


async def test_a_transaction_that_commits_late_is_found_under_its_number(
    postgres_url: str,
) -> None:
    """Numbers are given before the commit: the reason why what is missing is looked for again."""
    on_postgres = await Database.open(postgres_url)
    try:
        records = open_records(on_postgres)
        begun, may_commit = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def add_slowly(connection: Connection) -> None:
            values = {"at": NOW, "action": "file.removed", "actor": "a", "details": {}}
            connection.execute(insert(audit_events), values)
            loop.call_soon(begun.set)
            await_only(asyncio.wait_for(may_commit.wait(), 10))

        slow = asyncio.create_task(on_postgres.write(add_slowly))
        await asyncio.wait_for(begun.wait(), 10)
        await records.audit.record(REMOVED)
        [seen] = await records.feed.since(0, 10)
        may_commit.set()
        await slow
        [late] = await records.feed.these([seen.number - 1])
        assert late.number < seen.number
    finally:
        await on_postgres.close()
