"""Cases of before follow-ups wait from the upgrade on, so that nobody is closed out by it."""

from alembic import command
from sqlalchemy import text

from tests.contract.records.scenario import NOW
from transfer.core.cases import CaseNumber, Priority, UpdateKind
from transfer.records import migrate
from transfer.records.assembly import open_records
from transfer.records.database import Database

_CASES = {
    1: ("Open", "New"),
    2: ("Awaiting Information", "Information Required From Customer"),
    3: ("Awaiting Information", "Third Party Pending"),
    4: ("Solution Proposed", "Replied"),
    5: ("Closed", "Resolved"),
}


def _insert_old(url: str) -> None:
    with migrate.transaction(url) as connection:
        command.upgrade(migrate.config(connection), "0008")
        for n, (status, substatus) in _CASES.items():
            row = {"number": f"{n:010}", "id": f"c{n}", "now": NOW}
            connection.execute(
                text(
                    "INSERT INTO cases (number, id, subject, account, status, substatus, opened_at,"
                    " version) VALUES (:number, :id, 's', 'a', :status, :substatus, :now, 1)"
                ),
                {**row, "status": status, "substatus": substatus},
            )
            connection.execute(
                text(
                    "INSERT INTO case_updates (case_number, at, author, text)"
                    " VALUES (:number, :now, 'a', 't')"
                ),
                row,
            )


async def test_a_case_that_waits_at_the_upgrade_waits_from_then_on(empty_url: str) -> None:
    _insert_old(empty_url)
    migrate.upgrade(empty_url)
    database = await Database.open(empty_url)
    try:
        records = open_records(database)
        cases = [await records.cases.case(CaseNumber(f"{n:010}")) for n in _CASES]
        [update] = await records.cases.updates(cases[0].number)
    finally:
        await database.close()
    assert [case.wait is not None for case in cases] == [False, True, False, True, False]
    assert all(case.wait.since > NOW and not case.wait.notices for case in cases if case.wait)
    assert {case.priority for case in cases} == {Priority.MEDIUM}
    assert update.kind is UpdateKind.ENTRY
