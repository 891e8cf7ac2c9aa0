"""Sums and lists over all cases: what is held, due, stored, tried and acknowledged."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    advance,
    after,
    begin,
    close_case,
    finished,
    new_case,
    open_case,
    part,
    receive,
)
from transfer.core.access import Door, Role
from transfer.core.cases import Case, CaseNumber, CaseUpdate, Hold
from transfer.core.errors import InvalidRequestError
from transfer.core.notices import Notice
from transfer.ports import (
    AuditEvent,
    CredentialKind,
    Figures,
    Method,
    Records,
    Session,
    Since,
    Token,
)
from transfer.records.cursors import cursor, size_cursor

SINCE = Since(now=after(100), closed_until=after(50), seen_after=after(10), failed_after=after(20))
LONGEST_CURSOR = 500
Listed = Callable[[str | None], Awaitable[tuple[list[Any], str | None]]]


async def all_of(listed: Listed) -> list[Any]:
    """Return a whole list, read in pages that `listed` gives, by cursors fit for a URL."""
    found, following = await listed(None)
    while following is not None:
        assert len(following) <= LONGEST_CURSOR
        more, following = await listed(following)
        assert more
        found = found + more
    return found


async def hold(records: Records, case: Case, placed_at: float) -> Case:
    """Hold the data of a case."""
    reason = Hold(reason="legal", placed_by="admin", placed_at=after(placed_at))
    held = replace(case, hold=reason, version=case.version + 1)
    assert await records.cases.save(held, expected_version=case.version)
    return held


async def open_cases(records: Records, count: int) -> list[Case]:
    numbers = [CaseNumber(f"000000000{n}") for n in range(count)]
    return [await open_case(records, number) for number in numbers]


async def test_cases_on_hold_come_the_latest_hold_first(records: Records) -> None:
    opened = await open_cases(records, 5)
    for n, case in enumerate(opened[1:]):
        await hold(records, case, placed_at=n // 2)  # two in the same moment
    held = await all_of(lambda at: records.oversight.held(after=at, limit=2))
    assert [one.case.number for one in held] == [case.number for case in opened[:0:-1]]
    reason = held[0].case.hold
    assert reason is not None
    assert (reason.reason, reason.placed_by) == ("legal", "admin")


async def test_closed_cases_come_as_they_were_closed_until_their_data_is_gone(
    records: Records,
) -> None:
    opened = await open_cases(records, 6)
    for n, case in enumerate(opened[:5]):
        await close_case(records, case, after(10 - n // 2))
    gone = await records.cases.case(opened[4].number)
    assert await records.cases.start_purge(gone.number, expected_version=2, now=NOW)
    await records.cases.finish_purge(gone.number, NOW)
    listed = records.oversight.closed
    closed = await all_of(lambda at: listed(None, after=at, limit=2))
    assert [one.case.number for one in closed] == [opened[n].number for n in (2, 3, 0, 1)]
    until = await all_of(lambda at: listed(after(9), after=at, limit=2))
    assert [one.case.number for one in until] == [opened[n].number for n in (2, 3)]


async def test_what_cases_hold_is_summed_up_with_what_is_on_its_way(records: Records) -> None:
    await open_case(records)
    await records.cases.insert(
        replace(new_case(OTHER_NUMBER), account="Other"),
        CaseUpdate(at=NOW, author="a", text="Case opened."),
    )
    await open_case(records, CaseNumber("0000000001"))
    await receive(records, "one.log", done=finished(size=1000))
    await receive(records, "two.log", done=finished(size=500))
    await receive(records, "theirs.log", case_number=OTHER_NUMBER, done=finished(size=1400))
    upload = await begin(records, "three.log", numbers=1)
    await records.uploads.commit(upload.id, upload.fence, advance(0, part(1, 0, 60)))

    by_case = await all_of(lambda at: records.oversight.usage_by_case(after=at, limit=1))
    assert [
        (one.case.number, one.files, one.size_bytes, one.unfinished_bytes) for one in by_case
    ] == [(NUMBER, 2, 1500, 60), (OTHER_NUMBER, 1, 1400, 0)]
    by_account = await all_of(lambda at: records.oversight.usage_by_account(after=at, limit=1))
    assert [
        (one.account, one.cases, one.files, one.size_bytes, one.unfinished_bytes)
        for one in by_account
    ] == [("Acme", 1, 2, 1500, 60), ("Other", 1, 1, 1400, 0)]

    case = await records.cases.case(NUMBER)
    await hold(records, case, placed_at=1)
    [held], _ = await records.oversight.held(after=None, limit=9)
    assert (held.files, held.size_bytes, held.unfinished_bytes) == (2, 1500, 60)


async def test_cases_that_hold_as_much_as_each_other_all_come(records: Records) -> None:
    opened = await open_cases(records, 5)
    for case in opened:
        await receive(records, "same.log", case_number=case.number, done=finished(size=7))
    found = await all_of(lambda at: records.oversight.usage_by_case(after=at, limit=2))
    assert [one.case.number for one in found] == [case.number for case in opened[::-1]]
    [account], following = await records.oversight.usage_by_account(after=None, limit=2)
    assert (account.cases, account.files, following) == (5, 5, None)


async def test_a_name_of_any_script_is_a_place_in_a_list(records: Records) -> None:
    names = [f"{'🙂' * 499}{n}" for n in range(3)]
    for n, name in enumerate(names):
        number = CaseNumber(f"000000000{n}")
        case = replace(new_case(number), account=name)
        await records.cases.insert(case, CaseUpdate(at=NOW, author="a", text="Case opened."))
        await receive(records, "same.log", case_number=number, done=finished(size=7))
    found = await all_of(lambda at: records.oversight.usage_by_account(after=at, limit=2))
    assert [one.account for one in found] == names[::-1]
    notice = Notice("Mind the data.")
    for name in names:
        person = replace(CUSTOMER, name=name[::-1])
        await records.acknowledgements.acknowledge(number, person, notice, NOW)
    listed = records.oversight.acknowledged
    who = await all_of(lambda at: listed(notice.version, after=at, limit=1))
    assert [one.person[0] for one in who] == ["2", "1", "0"]


def failure(action: str, at: float, **changes: Any) -> AuditEvent:  # noqa: ANN401 -- as dataclasses.replace takes them
    event = AuditEvent(
        at=after(at),
        action=action,
        actor="unknown",
        door=Door.HTTP,
        address="192.0.2.7",
        details={"reason": "unknown", "failures": 3},
    )
    return replace(event, **changes)


@pytest.mark.parametrize("kind", CredentialKind)
async def test_a_failure_of_each_kind_is_listed(records: Records, kind: CredentialKind) -> None:
    event = failure(f"{kind}.refused", 0)
    await records.audit.record(event)
    assert await records.oversight.failed_sign_ins(after=None, limit=9) == ([event], None)


async def test_failures_come_the_latest_first_and_nothing_else(records: Records) -> None:
    events = [failure("sftp.refused", n // 2) for n in range(5)]
    events = [replace(event, subject=str(n)) for n, event in enumerate(events)]
    for event in events:
        await records.audit.record(event)
        await records.audit.record(replace(event, action="sftp.signed-in"))
    found = await all_of(lambda at: records.oversight.failed_sign_ins(after=at, limit=2))
    assert found == events[::-1]


async def test_who_has_to_wait_comes_the_longest_wait_first(records: Records) -> None:
    for n in range(4):
        kind, source = CredentialKind.TOKEN, f"192.0.2.{n}"
        for _ in range(n + 1):
            await records.attempts.count(kind, source, after(n), NOW - timedelta(hours=1))
        await records.attempts.delay(kind, source, after(10 + n))
    await records.attempts.count(CredentialKind.TOKEN, "192.0.2.9", NOW, NOW)
    waiting = await records.oversight.waiting(after(10), 2)
    assert [(one.source, one.failures) for one in waiting] == [("192.0.2.3", 4), ("192.0.2.2", 3)]
    assert (waiting[0].last_at, waiting[0].wait_until) == (after(3), after(13))
    assert len(await records.oversight.waiting(after(10), 9)) == 3


async def test_texts_of_the_warning_come_with_who_acknowledged_them(records: Records) -> None:
    await open_case(records)
    await open_case(records, OTHER_NUMBER)
    assert await records.oversight.wordings() == []
    earlier, later = Notice("Mind the data."), Notice("Mind the data well.")
    acknowledge = records.acknowledgements.acknowledge
    people = [replace(CUSTOMER, name=name) for name in ("Ada", "Jo", "Lin")]
    for n, person in enumerate(people):
        await acknowledge(NUMBER, person, earlier, after(n // 2))
    await acknowledge(OTHER_NUMBER, people[0], earlier, after(0))
    await acknowledge(NUMBER, people[0], later, after(5))

    found = [
        (one.version, one.text, one.since, one.acknowledgements)
        for one in await records.oversight.wordings()
    ]
    assert found == [
        (later.version, later.text, after(5), 1),
        (earlier.version, earlier.text, NOW, 4),
    ]
    listed = records.oversight.acknowledged
    who = await all_of(lambda at: listed(earlier.version, after=at, limit=2))
    assert [(one.case_number, one.person) for one in who] == [
        (NUMBER, "Lin"),
        (OTHER_NUMBER, "Ada"),
        (NUMBER, "Jo"),
        (NUMBER, "Ada"),
    ]
    assert await listed("\x00", after=None, limit=2) == ([], None)


def session(n: int, **changes: Any) -> Session:  # noqa: ANN401 -- as dataclasses.replace takes them
    one = Session(
        id=f"session-{n}",
        family=f"session-{n}",
        name="Jo Smith",
        role=Role.ANALYST,
        case_number=None,
        subject="jo",
        method=Method.OIDC,
        address=None,
        began_at=after(n // 2),
        seen_at=after(60),
        expires_at=after(1000),
    )
    return replace(one, **changes)


async def test_sessions_in_use_come_in_pages_the_newest_first(records: Records) -> None:
    for n in range(5):
        await records.sessions.insert(session(n), bytes([n]))
    over = {
        6: {"seen_at": after(10)},
        7: {"expires_at": after(100)},
        8: {"ended_at": after(99)},
    }
    for n, changes in over.items():
        await records.sessions.insert(session(n, **changes), bytes([n]))
    await records.sessions.insert(
        session(9, subject="ada", case_number=NUMBER, began_at=NOW), b"nine"
    )

    def listed(**wanted: Any) -> Listed:  # noqa: ANN401 -- what is looked for
        asked = {"case_number": None, "subject": None, **wanted}

        async def page(at: str | None) -> tuple[list[Session], str | None]:
            return await records.sessions.page(
                active_at=after(100), seen_after=after(10), after=at, limit=2, **asked
            )

        return page

    everybody = [one.id for one in await all_of(listed())]
    assert everybody == [f"session-{n}" for n in (4, 3, 2, 9, 1, 0)]
    assert len(await all_of(listed(subject="jo"))) == 5
    for wanted in ({"subject": "ada"}, {"case_number": NUMBER}):
        assert [one.id for one in await all_of(listed(**wanted))] == ["session-9"]
    assert await all_of(listed(subject="\x00")) == []


async def test_the_figures_count_what_is_there_now(records: Records) -> None:
    nothing = Figures(
        cases=0,
        files=0,
        size_bytes=0,
        unfinished_bytes=0,
        held=0,
        due=0,
        sessions=0,
        tokens=0,
        failures=0,
    )
    assert await records.oversight.figures(SINCE) == nothing
    opened = await open_cases(records, 5)
    await hold(records, opened[0], placed_at=1)
    for case, at in zip(opened[1:4], (50, 51, 40), strict=True):
        await close_case(records, case, after(at))
    await hold(records, await records.cases.case(opened[3].number), placed_at=60)
    await receive(records, "one.log", case_number=opened[4].number, done=finished(size=9))
    await records.sessions.insert(session(0), b"0")
    await records.sessions.insert(session(1, ended_at=after(9)), b"1")
    token = Token(
        id="token-0",
        name="script",
        role=Role.ANALYST,
        cases=None,
        actions=None,
        issued_by="admin",
        issued_at=NOW,
        expires_at=after(200),
    )
    for n, expires_at in enumerate((after(200), after(100))):
        one = replace(token, id=f"token-{n}", expires_at=expires_at)
        await records.tokens.insert(one, bytes([n]), failure("token.issued", 0))
    for at in (20, 21):
        await records.audit.record(failure("token.refused", at))
    assert await records.oversight.figures(SINCE) == Figures(
        cases=5,
        files=1,
        size_bytes=9,
        unfinished_bytes=0,
        held=2,
        due=1,
        sessions=1,
        tokens=1,
        failures=1,
    )


@pytest.mark.parametrize(
    "foreign",
    ["", "nonsense", "W10=", cursor(NOW, "1"), size_cursor(-1, "x"), size_cursor(2**63, "x")],
)
async def test_no_cursor_but_one_by_size_leads_into_a_list_by_size(
    records: Records, foreign: str
) -> None:
    for listed in (records.oversight.usage_by_case, records.oversight.usage_by_account):
        with pytest.raises(InvalidRequestError):
            await listed(after=foreign, limit=2)


@pytest.mark.parametrize("foreign", ["", "nonsense", cursor(NOW, "x"), size_cursor(1, "x")])
async def test_no_cursor_but_one_by_time_leads_into_a_list_by_time(
    records: Records, foreign: str
) -> None:
    with pytest.raises(InvalidRequestError):
        await records.oversight.failed_sign_ins(after=foreign, limit=2)
