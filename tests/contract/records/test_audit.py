from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, after
from transfer.core.access import Door
from transfer.ports import AuditEvent, Records


async def test_events_come_back_in_the_order_in_which_they_were_recorded(
    records: Records,
) -> None:
    full = AuditEvent(
        at=after(5),
        action="file.downloaded",
        actor="analyst",
        case_number=NUMBER,
        subject="file-1",
        door=Door.HTTP,
        address="2001:db8::1",
        details={"range": [0, 2**60], "name": "träce\u0000☃", "none": None},
    )
    bare = AuditEvent(at=NOW, action="login.failed", actor="?")
    other = AuditEvent(at=NOW, action="case.opened", actor="a", case_number=OTHER_NUMBER)
    for event in (full, bare, other):
        await records.audit.record(event)
    assert await records.audit.events() == [full, bare, other]
    assert await records.audit.events(NUMBER) == [full]
