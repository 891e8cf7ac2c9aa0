"""The warning about sensitive data comes before a customer's first file in a case."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine_room import ANALYST, NUMBER, EngineRoom, customer
from tests.unit.engine.stalling import a_file
from transfer.core.access import Door, Role
from transfer.core.errors import (
    AcknowledgementOutdatedError,
    AcknowledgementRequiredError,
    CaseClosedError,
    CaseMissingError,
    ForbiddenError,
)
from transfer.core.notices import Notice
from transfer.engine import acknowledgements
from transfer.engine.acknowledgements import Acknowledgements
from transfer.engine.uploads import Uploads

NEWCOMER = replace(customer(), name="newcomer")
ABSENT = customer("0000000099")


def reworded(room: EngineRoom) -> tuple[Acknowledgements, Uploads]:
    """Return the engine of a node that has started anew, with another text."""
    tools = replace(room.tools, notice=Notice("Take care."))
    return Acknowledgements(tools), Uploads(tools, room.leases)


async def test_nothing_is_taken_from_a_customer_before_they_have_acknowledged(
    room: EngineRoom,
) -> None:
    with pytest.raises(AcknowledgementRequiredError) as refused:
        await room.uploads.create(NEWCOMER, a_file())
    assert refused.value.version == Notice().version
    assert (await room.files.listing(ANALYST, NUMBER)).uploads == []
    shown = await room.acknowledgements.show(NEWCOMER, NUMBER)
    assert (shown.notice, shown.acknowledged_at) == (Notice(), None)

    accepted = await room.acknowledgements.accept(NEWCOMER, NUMBER, shown.notice.version)
    assert accepted.acknowledged_at == room.clock.now()
    await room.uploads.create(NEWCOMER, a_file())
    await room.another_node().uploads.create(NEWCOMER, a_file())


async def test_it_is_acknowledged_once_and_the_first_time_stays(room: EngineRoom) -> None:
    first = await room.acknowledgements.accept(NEWCOMER, NUMBER, Notice().version)
    room.clock.advance(timedelta(hours=1))
    assert await room.acknowledgements.accept(NEWCOMER, NUMBER, Notice().version) == first
    assert await room.acknowledgements.show(NEWCOMER, NUMBER) == first
    events = await room.records.audit.events(NUMBER)
    noted = [event for event in events if event.action == "warning.acknowledged"]
    assert [(event.actor, event.subject) for event in noted] == [
        ("customer", Notice().version),
        ("newcomer", Notice().version),
    ]


async def test_staff_and_sftp_accounts_need_not(room: EngineRoom) -> None:
    await room.uploads.create(replace(ANALYST, name="another"), a_file())
    await room.uploads.create(replace(NEWCOMER, door=Door.SFTP), a_file())


async def test_who_may_not_upload_anyway_is_told_that_first(room: EngineRoom) -> None:
    with pytest.raises(ForbiddenError):
        await room.uploads.create(customer(role=Role.READ_ONLY), a_file())


async def test_one_person_s_word_is_not_another_s_nor_one_case_s_another_s(
    room: EngineRoom,
) -> None:
    case = await room.core.open("Another", "Example Ltd", "analyst")
    both = replace(NEWCOMER, cases=frozenset({NUMBER, case.number}))
    await room.acknowledgements.accept(both, NUMBER, Notice().version)
    with pytest.raises(AcknowledgementRequiredError):
        await room.uploads.create(both, replace(a_file(), case_number=case.number))


async def test_a_new_wording_is_to_be_acknowledged_anew(room: EngineRoom) -> None:
    acks, uploads = reworded(room)
    with pytest.raises(AcknowledgementOutdatedError, match=Notice("Take care.").version):
        await acks.accept(customer(), NUMBER, Notice().version)
    with pytest.raises(AcknowledgementRequiredError):
        await uploads.create(customer(), a_file())
    await acks.accept(customer(), NUMBER, Notice("Take care.").version)
    await uploads.create(customer(), a_file())


async def test_a_closed_case_asks_nobody_and_another_s_case_is_not_there(room: EngineRoom) -> None:
    await room.core.close(NUMBER, None, "analyst")
    assert (await room.acknowledgements.show(customer(), NUMBER)).acknowledged_at is not None
    with pytest.raises(CaseClosedError):
        await room.acknowledgements.accept(NEWCOMER, NUMBER, Notice().version)
    for call in (
        room.acknowledgements.show(ABSENT, NUMBER),
        room.acknowledgements.accept(ABSENT, NUMBER, Notice().version),
    ):
        with pytest.raises(CaseMissingError):
            await call


async def test_only_the_first_file_of_a_person_looks_into_the_records(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await room.acknowledgements.require(customer(), NUMBER)
    monkeypatch.setattr(acknowledgements, "_REMEMBERED", 1)
    await room.agree(NEWCOMER)
    await room.acknowledgements.require(NEWCOMER, NUMBER)
    assert room.acknowledgements._known == {(NUMBER, "newcomer")}
