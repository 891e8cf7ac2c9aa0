"""What admins see of the service as a whole, and nobody else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine_room import ADMIN, ANALYST, NUMBER, EngineRoom, customer
from transfer.core.access import Action, Principal, Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    ForbiddenError,
    SessionMissingError,
    SessionOverError,
    TooManyAttemptsError,
)
from transfer.core.notices import Notice
from transfer.core.retention import PERIOD, Verdict
from transfer.engine.attempts import AttemptPolicy, Failure
from transfer.engine.oversight import Oversight
from transfer.engine.sessions import SessionPolicy
from transfer.ports import CredentialKind, Method, Session

OTHER = CaseNumber("0000000001")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)

Asked = Callable[[Oversight, Principal], Awaitable[object]]

ASKED: dict[str, Asked] = {
    "figures": lambda it, by: it.figures(by),
    "held": lambda it, by: it.held(by),
    "deletions": lambda it, by: it.deletions(by),
    "cases": lambda it, by: it.usage_by_case(by),
    "accounts": lambda it, by: it.usage_by_account(by),
    "failures": lambda it, by: it.failed_sign_ins(by),
    "waiting": lambda it, by: it.waiting(by),
    "wordings": lambda it, by: it.wordings(by),
    "acknowledged": lambda it, by: it.acknowledged(by, "0"),
    "stuck": lambda it, by: it.stuck(by),
    "sessions": lambda it, by: it.sessions(by),
    "end": lambda it, by: it.end_session(by, "none"),
}


async def begin_session(room: EngineRoom) -> tuple[Session, str]:
    return await room.sessions.begin(
        name="Jo Smith",
        role=Role.DESIGNATED,
        case_number=NUMBER,
        subject="jo",
        method=Method.LAUNCH,
        address="192.0.2.7",
    )


@pytest.mark.parametrize("name", ASKED)
async def test_only_admins_of_all_cases_see_any_of_it(room: EngineRoom, name: str) -> None:
    of_one_case = replace(ADMIN, cases=frozenset({NUMBER}))
    for_files = replace(ADMIN, actions=frozenset({Action.SEE, Action.DOWNLOAD}))
    for principal in (customer(), ANALYST, of_one_case, for_files):
        with pytest.raises(ForbiddenError):
            await ASKED[name](room.oversight, principal)


async def test_what_a_token_is_limited_to_is_all_that_it_sees(room: EngineRoom) -> None:
    overseer = replace(ADMIN, actions=frozenset({Action.OVERSEE}))
    clerk = replace(ADMIN, actions=frozenset({Action.MANAGE_SESSIONS}))
    await room.oversight.figures(overseer)
    await room.oversight.sessions(clerk)
    with pytest.raises(ForbiddenError):
        await room.oversight.sessions(overseer)
    with pytest.raises(ForbiddenError):
        await room.oversight.figures(clerk)


async def test_a_closed_case_is_told_with_when_its_data_goes(room: EngineRoom) -> None:
    await room.send("trace.log", b"12345")
    assert await room.oversight.deletions(ADMIN) == ([], None)
    await room.core.close(NUMBER, None, "analyst")
    closed_at = room.clock.now()
    [one], following = await room.oversight.deletions(ADMIN)
    assert following is None
    assert (one.due_at, one.verdict) == (closed_at + PERIOD, Verdict.KEEP_NOT_DUE)
    assert (one.usage.files, one.usage.size_bytes) == (1, 5)

    early, _ = await room.oversight.deletions(ADMIN, until=one.due_at - MINUTE)
    assert early == []
    in_time, _ = await room.oversight.deletions(ADMIN, until=one.due_at)
    assert in_time == [one]

    room.clock.advance(PERIOD)
    [due], _ = await room.oversight.deletions(ADMIN)
    assert due.verdict is Verdict.DELETE
    await room.core.hold(NUMBER, "legal", "admin")
    [held], _ = await room.oversight.deletions(ADMIN)
    assert held.verdict is Verdict.KEEP_HELD
    [on_hold], _ = await room.oversight.held(ADMIN)
    assert on_hold == held.usage


async def test_the_figures_look_a_week_ahead_and_a_day_back(room: EngineRoom) -> None:
    await room.send("trace.log", b"12345")
    await room.core.close(NUMBER, None, "analyst")
    failure = Failure(kind=CredentialKind.TOKEN, address="192.0.2.7", reason="unknown")
    await room.attempts.failed(failure)
    await begin_session(room)
    figures = await room.oversight.figures(ADMIN)
    assert (figures.cases, figures.files, figures.size_bytes, figures.due) == (1, 1, 5, 0)
    assert (figures.failures, figures.sessions) == (1, 1)

    room.clock.advance(SessionPolicy().idle)
    assert (await room.oversight.figures(ADMIN)).sessions == 0
    room.clock.advance(DAY)
    assert (await room.oversight.figures(ADMIN)).failures == 0
    room.clock.advance(PERIOD - 8 * DAY - SessionPolicy().idle)
    assert (await room.oversight.figures(ADMIN)).due == 1


async def test_cases_and_accounts_are_told_with_what_they_hold(room: EngineRoom) -> None:
    await room.core.open("Nothing in it", "Other Ltd", "analyst", OTHER)
    await room.send("trace.log", b"12345")
    [case], _ = await room.oversight.usage_by_case(ADMIN)
    [account], _ = await room.oversight.usage_by_account(ADMIN)
    assert (case.case.number, case.size_bytes) == (NUMBER, 5)
    assert (account.account, account.cases, account.size_bytes) == ("Example Ltd", 1, 5)


async def test_failures_are_told_with_who_has_to_wait(room: EngineRoom) -> None:
    failure = Failure(kind=CredentialKind.TOKEN, address="192.0.2.7", reason="unknown")
    for _ in range(AttemptPolicy().free):
        await room.attempts.failed(failure)
    assert await room.oversight.waiting(ADMIN) == []
    with pytest.raises(TooManyAttemptsError):
        await room.attempts.failed(failure)
    [waiting] = await room.oversight.waiting(ADMIN)
    assert (waiting.source, waiting.failures) == ("192.0.2.7", AttemptPolicy().free + 1)
    failures, _ = await room.oversight.failed_sign_ins(ADMIN)
    assert len(failures) == waiting.failures
    room.clock.advance(MINUTE)
    assert await room.oversight.waiting(ADMIN) == []


async def test_the_present_warning_is_told_before_anybody_has_acknowledged_it(
    room: EngineRoom,
) -> None:
    present = room.tools.notice
    [known] = await room.oversight.wordings(ADMIN)
    assert (known.notice, known.current, known.acknowledgements) == (present, True, 1)
    assert known.since == room.clock.now()
    [who], _ = await room.oversight.acknowledged(ADMIN, present.version)
    assert (who.case_number, who.person) == (NUMBER, "customer")

    new = replace(room.tools, notice=Notice("Mind the data."))
    first, second = await Oversight(new, room.sessions).wordings(ADMIN)
    assert (first.notice, first.current, first.since) == (new.notice, True, None)
    assert first.acknowledgements == 0
    assert (second.notice, second.current, second.since) == (present, False, known.since)


async def test_an_admin_finds_a_session_and_ends_it(room: EngineRoom) -> None:
    _, secret = await begin_session(room)
    [found], following = await room.oversight.sessions(ADMIN, case_number=NUMBER)
    assert (found.name, following) == ("Jo Smith", None)
    assert await room.oversight.sessions(ADMIN, subject="nobody") == ([], None)
    await room.oversight.end_session(ADMIN, found.id)
    await room.oversight.end_session(ADMIN, found.id)
    assert await room.oversight.sessions(ADMIN) == ([], None)
    with pytest.raises(SessionOverError):
        await room.sessions.authenticate(secret, None)
    with pytest.raises(SessionMissingError):
        await room.oversight.end_session(ADMIN, "none")
