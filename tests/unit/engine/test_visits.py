"""What came of SFTP sessions is in the audit log, and nobody suffers if it can't be."""

from dataclasses import replace
from typing import cast

from tests.engine_room import NUMBER, EngineRoom
from transfer.core.access import Door, Principal, Role
from transfer.core.errors import RecordsUnavailableError
from transfer.engine.visits import Visit, Visits
from transfer.ports import AuditLog

WHO = Principal(
    name="c0003256109-abcdefghij",
    role=Role.DESIGNATED,
    door=Door.SFTP,
    cases=frozenset({NUMBER}),
    credential="account-1",
    address="192.0.2.7",
)
VISIT = Visit(
    seconds=1.26,
    received=10,
    sent=20,
    end="left",
    client="SSH-2.0-Client",
    requests={"open": 1},
    failures=2,
)


async def test_failures_and_the_end_are_told_of_the_account(room: EngineRoom) -> None:
    await room.visits.failed(WHO, "rename", "name-taken", ("/a", "/b"))
    await room.visits.ended(WHO, VISIT)
    failed, ended = (await room.records.audit.events())[-2:]
    assert (failed.action, failed.details) == (
        "sftp.request-failed",
        {"operation": "rename", "problem": "name-taken", "paths": ["/a", "/b"]},
    )
    assert (ended.action, ended.details) == (
        "sftp.signed-out",
        {
            "seconds": 1.3,
            "received": 10,
            "sent": 20,
            "end": "left",
            "client": "SSH-2.0-Client",
            "requests": {"open": 1},
            "failures": 2,
        },
    )
    for event in (failed, ended):
        assert (event.actor, event.subject, event.address) == (
            WHO.name,
            "account-1",
            "192.0.2.7",
        )
        assert (event.case_number, event.door) == (NUMBER, Door.SFTP)


async def test_who_is_of_no_case_leaves_nothing(room: EngineRoom) -> None:
    before = await room.records.audit.events()
    await room.visits.ended(replace(WHO, cases=None), VISIT)
    assert await room.records.audit.events() == before


async def test_an_audit_log_that_is_away_fails_nobody(room: EngineRoom) -> None:
    class Away:
        async def record(self, _: object) -> None:
            raise RecordsUnavailableError("away")

    records = replace(room.records, audit=cast(AuditLog, Away()))
    await Visits(replace(room.tools, records=records)).ended(WHO, VISIT)
