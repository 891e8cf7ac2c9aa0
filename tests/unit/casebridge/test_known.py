"""What is known here of another core's cases: how long, and what while the core is away."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog.testing

from tests.clock import START, MovableClock
from tests.unit.casebridge.scripted_core import NUMBER, ScriptedCore, a_case, closed
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.known import LIFETIME, KnownCases
from transfer.casebridge.outage import Outage
from transfer.core.access import Door, Principal, Role
from transfer.core.accounts import AccountEnd, AccountId, SftpAccount
from transfer.core.cases import Case, CaseNumber, Hold, Status, confirmed
from transfer.core.contacts import Contact, ContactKind
from transfer.core.errors import (
    CaseContradictionError,
    CaseCoreUnavailableError,
    CaseMissingError,
)
from transfer.core.retention import Verdict, judge
from transfer.ports import CaseMirror, NoMeter, Records

ANOTHER = CaseNumber("0003256110")
AWAY = CaseCoreUnavailableError("away")


@pytest.fixture
def core() -> ScriptedCore:
    return ScriptedCore(a_case())


@pytest.fixture
def known(core: ScriptedCore, records: Records, clock: MovableClock) -> KnownCases:
    return another_node(core, records, clock)


def another_node(core: ScriptedCore, records: Records, clock: MovableClock) -> KnownCases:
    ids = iter(range(1000))
    return KnownCases(
        core=core, records=records, clock=clock, new_id=lambda: f"here-{id(ids)}-{next(ids)}"
    )


async def issue(records: Records, number: CaseNumber = NUMBER) -> AccountId:
    account = SftpAccount(
        id=AccountId("account"),
        case_number=number,
        username="c-account",
        password_hash=b"x" * 32,
        sealed_password=b"sealed",
        issued_by="ada",
        issued_at=START,
        expires_at=START + timedelta(hours=120),
    )
    ada = Principal(name="ada", role=Role.ANALYST, door=Door.HTTP)
    await records.accounts.insert(account, ada)
    return account.id


async def audited(records: Records) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (event.action, event.actor, dict(event.details))
        for event in await records.audit.events(NUMBER)
        if event.action.startswith("case.")
    ]


# ── Asked and remembered ─────────────────────────────────────────────────────────────────────


async def test_it_plays_the_role_of_a_mirror(known: KnownCases) -> None:
    mirror: CaseMirror = known
    assert mirror is known


async def test_a_case_is_as_the_core_tells_it_with_an_id_of_ours(
    known: KnownCases, core: ScriptedCore
) -> None:
    contact = Contact(account="Example Ltd", person="eve", kind=ContactKind.READ_ONLY)
    told = core.put(a_case(contacts=(contact,), region="emea", sold_to="Example Group"))
    case = await known.case(NUMBER)
    assert case.id
    assert (case.contacts, case.region, case.sold_to) == ((contact,), "emea", "Example Group")
    assert (case.subject, case.opened_at, case.is_stale) == (told.subject, told.opened_at, False)


async def test_an_answer_is_used_for_a_while_and_then_asked_for_again(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    first = await known.case(NUMBER)
    core.put(a_case(subject="Crash at night", version=2))
    clock.advance(LIFETIME - timedelta(seconds=1))
    assert await known.case(NUMBER) == first
    clock.advance(1)
    second = await known.case(NUMBER)
    assert second.subject == "Crash at night"
    assert (second.id, second.version > first.version) == (first.id, True)
    assert len(core.asked) == 2


async def test_what_has_to_be_fresh_is_asked_at_once(known: KnownCases, core: ScriptedCore) -> None:
    await known.case(NUMBER)
    core.put(closed(a_case()))
    assert not (await known.case(NUMBER)).is_closed
    assert (await known.case(NUMBER, fresh=True)).is_closed
    assert (await known.case(NUMBER)).is_closed


async def test_what_one_node_was_told_another_one_knows(
    known: KnownCases, core: ScriptedCore, records: Records, clock: MovableClock
) -> None:
    first = await known.case(NUMBER)
    assert await another_node(core, records, clock).case(NUMBER) == first
    assert len(core.asked) == 1


async def test_an_answer_from_the_future_is_asked_for_again(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    await known.case(NUMBER)
    clock.set(START - timedelta(minutes=1), backwards=True)
    await known.case(NUMBER)
    assert len(core.asked) == 2


async def test_whoever_asks_for_the_same_case_at_once_shares_an_answer(
    known: KnownCases, core: ScriptedCore
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        asked.set()
        await answer.wait()

    core.before = wait
    asking = [asyncio.create_task(known.case(NUMBER)) for _ in range(5)]
    async with asyncio.timeout(10):
        await asked.wait()
        asking[0].cancel()  # whoever leaves takes nothing from the others
        answer.set()
        cases = await asyncio.gather(*asking[1:])
    assert len(core.asked) == 1
    assert len({case.id for case in cases}) == 1


async def test_an_answer_that_nobody_waits_for_any_more_is_no_trouble(
    known: KnownCases, core: ScriptedCore
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        asked.set()
        await answer.wait()

    core.before, core.error = wait, AWAY
    asking = asyncio.create_task(known.case(NUMBER))
    async with asyncio.timeout(10):
        await asked.wait()
        (question,) = known._asking.values()
        asking.cancel()
        await asyncio.wait([asking])
        answer.set()
        await asyncio.wait([question])
    assert asking.cancelled()
    assert not known._asking


async def test_a_question_that_ends_with_the_service_is_no_trouble(
    known: KnownCases, core: ScriptedCore
) -> None:
    asked = asyncio.Event()

    async def hang() -> None:
        asked.set()
        await asyncio.Event().wait()

    core.before = hang
    asking = asyncio.create_task(known.case(NUMBER))
    async with asyncio.timeout(10):
        await asked.wait()
        (question,) = known._asking.values()
        question.cancel()
        await asyncio.wait([asking, question])
    assert asking.cancelled()
    assert not known._asking


async def test_two_nodes_that_hear_of_a_case_at_once_give_it_one_id(
    known: KnownCases, core: ScriptedCore, records: Records, clock: MovableClock
) -> None:
    other = another_node(core, records, clock)
    first, second = await asyncio.gather(known.case(NUMBER), other.case(NUMBER))
    assert first.id == second.id


async def test_what_is_ours_stays_whatever_the_core_tells(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    case = await known.case(NUMBER)
    row = await records.cases.case(NUMBER)
    hold = Hold(reason="A claim", placed_by="eve", placed_at=START)
    held = replace(row, hold=hold, version=row.version + 1)
    assert await records.cases.save(held, expected_version=row.version)
    core.put(closed(a_case()))
    found = await known.case(NUMBER, fresh=True)
    assert (found.hold, found.id, found.is_closed) == (hold, case.id, True)


# ── Missing ──────────────────────────────────────────────────────────────────────────────────


async def test_a_case_that_the_core_does_not_know_is_missing_and_not_asked_for_at_once_again(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    for _ in range(3):
        with pytest.raises(CaseMissingError):
            await known.case(ANOTHER)
    assert core.asked == [ANOTHER]
    clock.advance(LIFETIME)
    core.put(a_case(ANOTHER))
    assert (await known.case(ANOTHER)).number == ANOTHER


async def test_a_case_that_was_known_and_is_missing_contradicts(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    case = await known.case(NUMBER)
    del core.cases[NUMBER]
    with pytest.raises(CaseContradictionError):
        await known.case(NUMBER, fresh=True)
    clock.advance(LIFETIME)
    stale = await known.case(NUMBER)
    assert (stale.id, stale.as_of) == (case.id, START)


# ── Away ─────────────────────────────────────────────────────────────────────────────────────


async def test_while_the_core_is_away_what_it_said_last_is_marked_stale(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    first = await known.case(NUMBER)
    clock.advance(LIFETIME)
    core.error = AWAY
    stale = await known.case(NUMBER)
    assert (stale.as_of, stale.is_stale) == (START, True)
    assert (stale.id, stale.status, stale.subject) == (first.id, first.status, first.subject)
    with pytest.raises(CaseCoreUnavailableError):
        confirmed(stale)
    with pytest.raises(CaseCoreUnavailableError):
        await known.case(NUMBER, fresh=True)


async def test_a_restart_forgets_nothing(
    known: KnownCases, core: ScriptedCore, records: Records, clock: MovableClock
) -> None:
    first = await known.case(NUMBER)
    clock.advance(timedelta(days=3))
    core.error = AWAY
    stale = await another_node(core, records, clock).case(NUMBER)
    assert (stale.id, stale.as_of) == (first.id, START)


async def test_while_it_is_away_a_case_that_nobody_asked_for_yet_cannot_be_had(
    known: KnownCases, core: ScriptedCore
) -> None:
    core.error = AWAY
    with pytest.raises(CaseCoreUnavailableError):
        await known.case(NUMBER)


async def test_a_core_that_is_away_is_left_alone_for_longer_and_longer(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    await known.case(NUMBER)
    clock.advance(LIFETIME)
    core.error = AWAY
    core.asked.clear()
    for _ in range(120):
        await known.case(NUMBER)
        clock.advance(1)
    assert 5 <= len(core.asked) <= 10
    clock.advance(30)
    core.error = None
    assert not (await known.case(NUMBER)).is_stale


async def test_of_a_core_that_hangs_one_question_at_a_time_finds_out_whether_it_is_back(
    core: ScriptedCore, records: Records, clock: MovableClock
) -> None:
    impatient = KnownCases(
        core=core,
        records=records,
        clock=clock,
        new_id=iter(("here", "there")).__next__,
        patience=timedelta(milliseconds=10),
    )
    core.put(a_case(ANOTHER))
    for number in (NUMBER, ANOTHER):
        await impatient.case(number, fresh=True)
    clock.advance(LIFETIME)
    core.error = AWAY
    with pytest.raises(CaseCoreUnavailableError):
        await impatient.case(NUMBER, fresh=True)
    clock.advance(1)
    core.asked.clear()
    back = asyncio.Event()

    async def hang() -> None:
        await back.wait()

    core.before, core.error = hang, None
    async with asyncio.timeout(10):
        # Nobody is kept waiting where something is known; the question goes on.
        for number in (NUMBER, ANOTHER, NUMBER):
            assert (await impatient.case(number)).is_stale
        assert core.asked == [NUMBER]
        back.set()
        while (await impatient.case(ANOTHER)).is_stale:
            await asyncio.to_thread(lambda: None)  # let the loop turn
        assert not (await impatient.case(NUMBER)).is_stale


def test_of_cases_that_nobody_knows_a_bounded_number_is_remembered(clock: MovableClock) -> None:
    outage = Outage(clock, LIFETIME, NoMeter(), most_doubts=2)
    numbers = [CaseNumber(f"{number:010}") for number in range(3)]
    for number in numbers:
        outage.doubt(number, CaseMissingError("No such case."))
    for number in numbers[:2]:
        outage.check(number)  # forgotten: it is asked for again
    with pytest.raises(CaseMissingError):
        outage.check(numbers[2])


async def test_one_that_asks_for_a_longer_pause_gets_it(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    core.error = CaseCoreUnavailableError("busy", retry_after=timedelta(minutes=2))
    for _ in range(2):
        with pytest.raises(CaseCoreUnavailableError):
            await known.case(NUMBER)
    clock.advance(119)
    with pytest.raises(CaseCoreUnavailableError):
        await known.case(ANOTHER)
    with pytest.raises(CaseCoreUnavailableError) as refused:
        await known.case(ANOTHER, fresh=True)
    assert refused.value.retry_after == timedelta(seconds=1)
    assert len(core.asked) == 1
    clock.advance(1)
    core.error = None
    assert not (await known.case(NUMBER)).is_stale


async def test_that_it_is_away_and_back_is_logged_once_each(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    with structlog.testing.capture_logs() as logged:
        await known.case(NUMBER)
        core.error = AWAY
        for _ in range(3):
            clock.advance(60)
            await known.case(NUMBER)
        core.error = None
        clock.advance(60)
        await known.case(NUMBER)
    assert [entry["event"] for entry in logged] == ["case-core.away", "case-core.back"]


async def test_a_missing_case_is_an_answer_too(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    core.error = AWAY
    with pytest.raises(CaseCoreUnavailableError):
        await known.case(NUMBER)
    core.error = None
    clock.advance(1)
    with pytest.raises(CaseMissingError):
        await known.case(ANOTHER)
    assert not (await known.case(NUMBER)).is_stale


# ── Contradictions ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "claim",
    [
        a_case(ANOTHER, version=2),
        closed(a_case(), closed_at=START + timedelta(minutes=6)),
        closed(a_case(), closed_at=START - timedelta(hours=2)),
        closed(a_case(), closed_at=None),
        a_case(version=2, closed_at=START),
        a_case(version=0),
        a_case(version=2, opened_at=START - timedelta(days=1)),
    ],
)
async def test_what_cannot_be_so_changes_nothing_and_is_logged(
    known: KnownCases, core: ScriptedCore, records: Records, clock: MovableClock, claim: Case
) -> None:
    first = await known.case(NUMBER)
    row = await records.cases.case(NUMBER)
    core.cases[NUMBER] = claim
    clock.advance(LIFETIME)
    with structlog.testing.capture_logs() as logged:
        stale = await known.case(NUMBER)
    assert (stale.id, stale.as_of, stale.status) == (first.id, START, Status.OPEN)
    assert [(entry["event"], entry["case"]) for entry in logged] == [
        ("case-core.contradiction", NUMBER)
    ]
    assert await records.cases.case(NUMBER) == row
    with pytest.raises(CaseContradictionError):
        await known.case(NUMBER, fresh=True)


@pytest.mark.parametrize("first", ["open", "closed"])
async def test_a_core_that_takes_a_closure_back_in_time_makes_nothing_due(
    known: KnownCases, core: ScriptedCore, clock: MovableClock, first: str
) -> None:
    day = timedelta(days=1)
    core.put(a_case(opened_at=START - 90 * day))
    if first == "closed":
        core.put(closed(a_case(opened_at=START - 90 * day)))
    await known.case(NUMBER)
    clock.advance(day)
    core.put(closed(a_case(opened_at=START - 90 * day), closed_at=START - 60 * day, version=3))
    with structlog.testing.capture_logs() as logs:
        case = await known.case(NUMBER, fresh=True)
    assert (case.closed_at, judge(case, clock.now())) == (START, Verdict.KEEP_NOT_DUE)
    assert (await known.case(NUMBER)).closed_at == START
    assert [entry["event"] for entry in logs] == ["case-core.contradiction"]
    clock.advance(30 * day)
    assert judge(await known.case(NUMBER, fresh=True), clock.now()) is Verdict.DELETE


async def test_news_that_takes_a_closure_back_in_time_is_told(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    core.put(a_case(opened_at=START - timedelta(days=90)))
    await known.case(NUMBER)
    with structlog.testing.capture_logs() as logs:
        news = closed(core.cases[NUMBER], closed_at=START - timedelta(days=60))
        assert await known.learn(news) == [NUMBER]
    assert [entry["event"] for entry in logs] == ["case-core.contradiction"]


async def test_a_contradiction_on_one_case_says_nothing_of_others(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    core.put(a_case(ANOTHER))
    await known.case(NUMBER)
    core.put(a_case(version=0))
    clock.advance(LIFETIME)
    assert (await known.case(NUMBER)).is_stale
    assert not (await known.case(ANOTHER)).is_stale
    core.asked.clear()
    await known.case(NUMBER)
    assert not core.asked  # it is doubted for a while
    core.put(a_case(version=2))
    clock.advance(LIFETIME)
    assert not (await known.case(NUMBER)).is_stale


async def test_a_version_of_before_is_asked_for_again_and_then_contradicts(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    core.put(a_case(version=7))
    await known.case(NUMBER)
    core.put(a_case(version=6))
    core.asked.clear()
    with pytest.raises(CaseContradictionError, match="another version"):
        await known.case(NUMBER, fresh=True)
    assert len(core.asked) == 2


async def test_an_answer_that_news_has_overtaken_is_asked_for_again(
    known: KnownCases, core: ScriptedCore
) -> None:
    await known.case(NUMBER)
    late, soon = core.cases[NUMBER], closed(a_case(), version=3)

    async def overtake() -> None:
        if len(core.asked) == 2:
            await known.learn(soon)
            core.cases[NUMBER] = late
        else:
            core.cases[NUMBER] = soon

    core.before = overtake
    assert (await known.case(NUMBER, fresh=True)).is_closed


# ── News ─────────────────────────────────────────────────────────────────────────────────────


async def test_news_of_a_case_is_taken_over(known: KnownCases, core: ScriptedCore) -> None:
    await known.case(NUMBER)
    assert await known.learn(closed(a_case())) == [NUMBER]
    assert (await known.case(NUMBER)).is_closed
    assert len(core.asked) == 1


async def test_news_of_a_case_that_nobody_asked_for_is_left_alone(
    known: KnownCases, records: Records
) -> None:
    assert await known.learn(a_case()) == []
    with pytest.raises(CaseMissingError):
        await records.cases.case(NUMBER)


async def test_late_and_doubled_news_changes_nothing(known: KnownCases, records: Records) -> None:
    await known.case(NUMBER)
    news = closed(a_case(), version=5)
    assert await known.learn(news, news) == [NUMBER]
    row = await records.cases.case(NUMBER)
    assert await known.learn(a_case(version=4), a_case(version=5, subject="Other")) == []
    assert await records.cases.case(NUMBER) == row


async def test_news_that_says_nothing_new_changes_nothing_but_the_version(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    await known.case(NUMBER)
    row = await records.cases.case(NUMBER)
    assert await known.learn(a_case(version=5)) == []
    assert await records.cases.case(NUMBER) == row
    core.put(a_case(version=4))
    with pytest.raises(CaseContradictionError):
        await known.case(NUMBER, fresh=True)


async def test_news_that_cannot_be_so_does_not_keep_other_news(
    known: KnownCases, core: ScriptedCore
) -> None:
    core.put(a_case(ANOTHER))
    await known.case(NUMBER)
    await known.case(ANOTHER)
    wrong = closed(a_case(), closed_at=START + timedelta(days=1))
    with structlog.testing.capture_logs() as logged:
        assert await known.learn(wrong, closed(a_case(ANOTHER))) == [ANOTHER]
    assert [entry["event"] for entry in logged] == ["case-core.contradiction"]


async def test_cases_known_here_of_which_no_news_could_be_taken_are_asked_for_again(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    core.put(a_case(ANOTHER))
    await known.case(NUMBER)
    await known.case(ANOTHER)
    wrong = closed(a_case(), closed_at=START + timedelta(days=1))
    for _ in range(2):
        await known.learn(wrong, unreadable=(ANOTHER, CaseNumber("0000000404"), None))
    asked = await records.inbox.claim(START, START)
    assert [one.case_number for one in asked] == [NUMBER, ANOTHER]


async def test_news_leaves_alone_since_when_the_core_was_not_asked(
    known: KnownCases, core: ScriptedCore, clock: MovableClock
) -> None:
    await known.case(NUMBER)
    clock.advance(LIFETIME)
    await known.learn(closed(a_case()))
    core.error = AWAY
    assert (await known.case(NUMBER)).as_of == START


async def test_events_and_changes_are_the_cores_own(known: KnownCases, core: ScriptedCore) -> None:
    page = await known.changes("here", limit=5)
    assert (page.cursor, [case.number for case in page.cases]) == ("here+", [NUMBER])
    await known.tell()
    core.error = AWAY
    with pytest.raises(CaseCoreUnavailableError):
        await known.changes()
    with pytest.raises(CaseCoreUnavailableError):
        await known.tell()


# ── What follows ─────────────────────────────────────────────────────────────────────────────


async def test_what_the_core_changes_is_in_the_audit_log(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    await known.case(NUMBER)
    steps = [
        a_case(status=Status.AWAITING_INFORMATION, substatus="Third Party Pending", version=2),
        closed(a_case(), version=3),
        a_case(substatus="Investigation", version=4),
        a_case(substatus="Investigation", subject="Another subject", version=5),
    ]
    for step in steps:
        core.put(step)
        await known.case(NUMBER, fresh=True)
    moved = {"status": "Awaiting Information", "substatus": "Third Party Pending"}
    assert await audited(records) == [
        ("case.moved", "case core", moved),
        ("case.closed", "case core", {"resolution": "Resolved"}),
        ("case.reopened", "case core", {}),
    ]


async def test_a_closure_ends_the_accounts_of_the_case_for_good(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    await known.case(NUMBER)
    account = await issue(records)
    core.put(closed(a_case()))
    await known.case(NUMBER, fresh=True)
    ended = await records.accounts.account(account)
    assert (ended.end, ended.sealed_password) == (AccountEnd.CASE_CLOSED, None)


async def test_late_news_of_a_closure_ends_no_account(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    core.put(a_case(version=9))
    await known.case(NUMBER)
    account = await issue(records)
    await known.learn(closed(a_case()))
    assert (await records.accounts.account(account)).end is None


async def test_a_case_that_is_reopened_while_its_data_goes_is_told_as_open(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    core.put(closed(a_case(), subject="Crash"))
    case = await known.case(NUMBER)
    assert await records.cases.start_purge(NUMBER, expected_version=case.version, now=START)
    core.put(a_case(subject="Names of people", version=3))
    found = await known.case(NUMBER, fresh=True)
    assert (found.status, found.closed_at) == (Status.OPEN, None)
    assert found.purge_started_at == START
    # Nothing is deleted any more, and nothing personal comes back into the rows.
    assert not await records.cases.start_purge(NUMBER, expected_version=found.version, now=START)
    assert (await records.cases.case(NUMBER)).subject == "Crash"
    noted = await records.known_cases.find(NUMBER)
    assert noted is not None
    assert (noted.document, noted.version) == (None, 3)


async def test_a_case_whose_data_is_gone_has_its_contacts_whenever_it_is_looked_at(
    known: KnownCases, core: ScriptedCore, records: Records
) -> None:
    contact = Contact(account="Example Ltd", person="eve", kind=ContactKind.READ_ONLY)
    core.put(closed(a_case(contacts=(contact,), region="emea")))
    case = await known.case(NUMBER)
    await records.cases.start_purge(NUMBER, expected_version=case.version, now=START)
    await known.case(NUMBER, fresh=True)
    for _ in range(2):  # an answer of which they aren't kept is used once
        case = await known.case(NUMBER)
        assert (case.contacts, case.region) == ((contact,), "emea")


async def test_while_the_core_is_away_a_case_whose_data_is_gone_is_as_its_row(
    known: KnownCases, core: ScriptedCore, records: Records, clock: MovableClock
) -> None:
    core.put(closed(a_case()))
    case = await known.case(NUMBER)
    await records.cases.start_purge(NUMBER, expected_version=case.version, now=START)
    await known.case(NUMBER, fresh=True)
    clock.advance(LIFETIME)
    core.error = AWAY
    stale = await known.case(NUMBER)
    assert (stale.is_stale, stale.is_closed, stale.purge_started_at) == (True, True, START)


# ── From the embedded core ───────────────────────────────────────────────────────────────────


@pytest.fixture
async def before(records: Records, clock: MovableClock) -> Case:
    """A case of the time when the embedded core was the authority."""
    desk = EmbeddedCaseCore(records=records, clock=clock, new_id=lambda: "of-old")
    return await desk.open("Of old", "Example Ltd", "ada", NUMBER)


async def test_a_case_of_before_the_core_was_connected_is_taken_over(
    known: KnownCases, core: ScriptedCore, before: Case
) -> None:
    case = await known.case(NUMBER)
    assert (case.id, case.subject) == (before.id, "Crash")
    assert case.opened_at != before.opened_at


async def test_a_case_of_before_is_never_served_without_the_core(
    known: KnownCases, core: ScriptedCore, before: Case
) -> None:
    core.error = AWAY
    with pytest.raises(CaseCoreUnavailableError):
        await known.case(NUMBER)


async def test_a_case_of_before_that_the_core_does_not_know_contradicts(
    known: KnownCases, core: ScriptedCore, before: Case
) -> None:
    del core.cases[NUMBER]
    with pytest.raises(CaseContradictionError):
        await known.case(NUMBER)


async def test_what_was_told_goes_when_the_rows_are_scrubbed(
    known: KnownCases, core: ScriptedCore, records: Records, clock: MovableClock
) -> None:
    core.put(closed(a_case()))
    case = await known.case(NUMBER)
    await records.cases.start_purge(NUMBER, expected_version=case.version, now=START)
    await records.cases.scrub(NUMBER)
    clock.advance(1)
    noted = await records.known_cases.find(NUMBER)
    assert noted is not None
    assert (noted.document, noted.version) == (None, 2)
    assert (await known.case(NUMBER)).is_closed
