"""Who has acknowledged which text, in which case."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    audited,
    close_case,
    open_case,
)
from transfer.core.errors import CaseClosedError, CaseMissingError
from transfer.core.notices import Notice
from transfer.ports import Records
from transfer.records.database import Database
from transfer.records.tables import acknowledgements, notices

NOTICE = Notice("Take care.")


async def test_it_is_kept_a_person_and_a_case_with_its_text(
    records: Records, database: Database
) -> None:
    await open_case(records)
    await open_case(records, OTHER_NUMBER)
    kept = records.acknowledgements
    assert await kept.acknowledged_at(NUMBER, CUSTOMER.name, NOTICE.version) is None
    assert await kept.acknowledge(NUMBER, CUSTOMER, NOTICE, NOW) == NOW
    assert await kept.acknowledge(NUMBER, CUSTOMER, NOTICE, after(5)) == NOW
    assert await kept.acknowledged_at(NUMBER, CUSTOMER.name, NOTICE.version) == NOW
    for case_number, person, version in (
        (OTHER_NUMBER, CUSTOMER.name, NOTICE.version),
        (NUMBER, "somebody else", NOTICE.version),
        (NUMBER, CUSTOMER.name, "another"),
    ):
        assert await kept.acknowledged_at(case_number, person, version) is None
    assert await audited(records) == ["warning.acknowledged"]

    def texts(connection: Connection) -> list[tuple[str, str]]:
        return [(row.version, row.text) for row in connection.execute(select(notices))]

    assert await database.read(texts) == [(NOTICE.version, NOTICE.text)]


async def test_many_at_once_acknowledge_the_same_new_text(records: Records) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        await open_case(records, number)
    people = [replace(CUSTOMER, name=f"person {number}") for number in range(4)]
    await asyncio.gather(
        *(
            records.acknowledgements.acknowledge(number, person, NOTICE, NOW)
            for number in (NUMBER, OTHER_NUMBER)
            for person in people
        )
    )
    for person in people:
        at = await records.acknowledgements.acknowledged_at(
            OTHER_NUMBER, person.name, NOTICE.version
        )
        assert at == NOW


async def test_a_case_that_takes_nothing_new_takes_none(records: Records) -> None:
    with pytest.raises(CaseMissingError):
        await records.acknowledgements.acknowledge(NUMBER, CUSTOMER, NOTICE, NOW)
    await close_case(records, await open_case(records))
    with pytest.raises(CaseClosedError):
        await records.acknowledgements.acknowledge(NUMBER, CUSTOMER, NOTICE, NOW)


async def test_names_of_people_go_with_the_case(records: Records, database: Database) -> None:
    case = await open_case(records)
    await records.acknowledgements.acknowledge(NUMBER, CUSTOMER, NOTICE, NOW)
    closed = await close_case(records, case)
    assert await records.cases.start_purge(NUMBER, expected_version=closed.version, now=NOW)
    await records.cases.scrub(NUMBER)

    def people(connection: Connection) -> list[str]:
        return list(connection.scalars(select(acknowledgements.c.person)))

    assert await database.read(people) == []
