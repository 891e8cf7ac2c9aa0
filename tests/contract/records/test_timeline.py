"""The timeline of a case, read back from the audit log."""

from dataclasses import replace

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    begin,
    new_account,
    open_case,
    receive,
)
from transfer.core.access import Door
from transfer.core.accounts import AccountEnd
from transfer.core.errors import InvalidRequestError
from transfer.core.timeline import TimelineEntry, Topic, actions_of
from transfer.ports import AuditEvent, Records

REMOVED = AuditEvent(at=NOW, action="file.removed", actor="a", case_number=NUMBER, subject="f")
ALL = actions_of(None)


async def test_entries_tell_who_did_what_from_where(records: Records) -> None:
    full = AuditEvent(
        at=after(5),
        action="file.downloaded",
        actor="analyst",
        case_number=NUMBER,
        subject="file-1",
        door=Door.HTTP,
        address="2001:db8::1",
        details={"path": "träce\u0000☃", "size": 2**60, "etag": "not for a timeline"},
    )
    await records.audit.record(full)
    [entry], following = await records.timeline.page(NUMBER, ALL, after=None, limit=9)
    assert following is None
    assert entry == TimelineEntry(
        number=entry.number,
        at=after(5),
        action="file.downloaded",
        actor="analyst",
        subject="file-1",
        door=Door.HTTP,
        address="2001:db8::1",
        details={"path": "träce\u0000☃", "size": 2**60},
    )


async def test_a_case_s_own_come_in_pages_the_latest_first(records: Records) -> None:
    for n in range(5):
        await records.audit.record(replace(REMOVED, subject=str(n)))
        await records.audit.record(replace(REMOVED, case_number=OTHER_NUMBER))
        await records.audit.record(replace(REMOVED, action="retention.rows-scrubbed"))
    seen, following = [], None
    while True:
        page, following = await records.timeline.page(NUMBER, ALL, after=following, limit=2)
        seen += [entry.subject for entry in page]
        if following is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_only_the_actions_that_are_asked_for_are_there(records: Records) -> None:
    for action in ("file.removed", "case.closed", "account.issued"):
        await records.audit.record(replace(REMOVED, action=action))
    page, _ = await records.timeline.page(NUMBER, actions_of(Topic.CASE), after=None, limit=9)
    assert [entry.action for entry in page] == ["case.closed"]
    assert await records.timeline.page(NUMBER, [], after=None, limit=9) == ([], None)


async def test_what_happens_is_on_the_timeline_by_name(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "logs/trace.log")
    await records.tree.verify(file.id, file.sha256, ANALYST, after(1))
    upload = await begin(records, "logs/big.log")
    await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", after(2))
    account = new_account()
    await records.accounts.insert(account, ANALYST)
    await records.accounts.end(account.id, AccountEnd.REVOKED, ANALYST, after(3))
    page, _ = await records.timeline.page(NUMBER, ALL, after=None, limit=9)
    told = [
        (one.action, one.details.get("path") or one.details.get("username"))
        for one in page
        if one.action != "folder.made"
    ]
    assert told == [
        ("account.ended", account.username),
        ("account.issued", account.username),
        ("upload.abandoned", "logs/big.log"),
        ("file.verified", "logs/trace.log"),
        ("file.received", "logs/trace.log"),
    ]


@pytest.mark.parametrize("foreign", ["", "nonsense", "W10="])
async def test_no_cursor_but_our_own_leads_anywhere(records: Records, foreign: str) -> None:
    with pytest.raises(InvalidRequestError):
        await records.timeline.page(NUMBER, ALL, after=foreign, limit=2)
