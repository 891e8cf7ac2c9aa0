"""A tracker that fails, or is none: nothing follows from it. The real one is in contract/."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from tests.clock import MovableClock
from tests.unit.casebridge.test_roundup_tickets import MAPPING, ticket
from transfer.casebridge.core_client import CoreAccess, CoreClient
from transfer.casebridge.roundup import RoundupCaseCore
from transfer.casebridge.roundup_tickets import TicketMapping
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseContradictionError,
    CaseCoreUnavailableError,
    CaseMissingError,
    RefusedError,
)
from transfer.ports import CaseEvent

NUMBER = CaseNumber("0000000042")
NAME = "<1@case-transfer>"
ERROR = {"error": {"status": 404, "msg": "no such issue"}}
SENT = CaseEvent(
    id="1",
    type="file.received",
    case_number=NUMBER,
    at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    data={"path": "first.log", "direction": "from_customer"},
)


@dataclass
class FalseTracker:
    """Answers as it is told to: `answers` by method and path, else what a tracker might."""

    tickets: list[dict[str, Any]] = field(default_factory=lambda: [ticket()])
    messages: dict[str, str] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[], web.Response]] = field(default_factory=dict)
    date: str | None = None
    status: dict[str, str] = field(default_factory=lambda: {"status": "3"})
    put: dict[str, Any] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        what = f"{request.method} {request.path.removeprefix('/t/rest/data')}"
        given = self.answers.get(what)
        answer = given() if given else await self._usual(what, request)
        if self.date is not None:
            answer.headers["Date"] = self.date
        return answer

    async def _usual(self, what: str, request: web.Request) -> web.Response:
        if what == "GET /issue":
            size = int(request.query.get("@page_size", "1000"))
            return web.json_response({"data": {"collection": self.tickets[:size]}})
        if what == "GET /issue/42":
            held = {**self.tickets[0], **self.status, "messages": self.attached}
            return web.json_response({"data": {"id": "42", "attributes": held, "@etag": '"e"'}})
        if what == "GET /msg":
            wanted = request.query["messageid:"]
            found = [{"id": key} for key, name in self.messages.items() if name == wanted]
            return web.json_response({"data": {"collection": found}})
        if what == "POST /msg":
            self.messages["7"] = (await request.json())["messageid"]
            return web.json_response({"data": {"id": "7"}}, status=201)
        assert what == "PUT /issue/42"
        assert request.headers["If-Match"] == '"e"'
        self.put = await request.json()
        self.attached = self.put["messages"]
        return web.json_response({"data": {}})


@pytest.fixture
def tracker() -> FalseTracker:
    return FalseTracker()


@pytest.fixture
def mapping() -> TicketMapping:
    return MAPPING


@pytest.fixture
async def core(
    tracker: FalseTracker, clock: MovableClock, mapping: TicketMapping
) -> AsyncIterator[RoundupCaseCore]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", tracker.answer)
    async with TestServer(app) as server:
        client = CoreClient(CoreAccess(tries=1), clock)
        core = RoundupCaseCore(str(server.make_url("/t/")), client, mapping, clock, user="us")
        yield core
        await core.close()


def says(body: object, status: int = 200) -> Callable[[], web.Response]:
    return lambda: web.json_response(body, status=status)


def text(body: str, status: int = 200) -> Callable[[], web.Response]:
    return lambda: web.Response(text=body, status=status)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────


async def test_a_good_answer_is_a_case(core: RoundupCaseCore) -> None:
    assert (await core.case(NUMBER)).number == NUMBER


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(ERROR, 404), CaseMissingError),
        (text("<h1>Not Found</h1>", 404), CaseCoreUnavailableError),  # a wrong address
        (says([], 404), CaseCoreUnavailableError),
        (says({"error": "no"}, 400), CaseCoreUnavailableError),
        (says(ERROR, 500), CaseCoreUnavailableError),
        (text("<h1>Welcome</h1>"), CaseContradictionError),
        (text("[" * 100_000), CaseContradictionError),
        (says([]), CaseContradictionError),
        (says({"data": []}), CaseContradictionError),
        (says({"data": {"id": "42"}}), CaseContradictionError),
        (says({"data": {"id": 42, "attributes": ticket()}}), CaseContradictionError),
    ],
)
async def test_an_answer_that_is_none_is_no_case(
    core: RoundupCaseCore,
    tracker: FalseTracker,
    answer: Callable[[], web.Response],
    error: type[Exception],
) -> None:
    tracker.answers["GET /issue/42"] = answer
    with pytest.raises(error) as caught:
        await core.case(NUMBER)
    assert type(caught.value) is error


@pytest.mark.parametrize("date", ["once upon a time", "Fri, 31 Dec 9999 23:59:59 -2300"])
async def test_a_tracker_without_a_clock_is_taken_to_have_ours(
    core: RoundupCaseCore, tracker: FalseTracker, clock: MovableClock, date: str
) -> None:
    tracker.date = date
    clock.set(datetime(2026, 3, 2, 9, 0, 8, tzinfo=UTC))
    early = (await core.case(NUMBER)).version
    clock.set(datetime(2026, 3, 2, 9, 0, 9, tzinfo=UTC))
    assert (await core.case(NUMBER)).version == early + 1


class TestNumbersOfTheirOwn:
    """Where the case's number is a property of the ticket."""

    @pytest.fixture
    def mapping(self) -> TicketMapping:
        return replace(MAPPING, fields={**MAPPING.fields, "number": "case"})

    async def test_a_ticket_is_found_by_its_number(
        self, core: RoundupCaseCore, tracker: FalseTracker
    ) -> None:
        tracker.tickets = [ticket(case="0003256109")]
        assert (await core.case(CaseNumber("0003256109"))).number == "0003256109"
        tracker.tickets = []
        with pytest.raises(CaseMissingError):
            await core.case(CaseNumber("0003256109"))
        tracker.tickets = [ticket(case="0003256109"), ticket(id="43", case="0003256109")]
        with pytest.raises(CaseContradictionError):
            await core.case(CaseNumber("0003256109"))

    async def test_tickets_without_one_are_none_of_ours(
        self, core: RoundupCaseCore, tracker: FalseTracker
    ) -> None:
        tracker.tickets = [ticket(case=None), ticket(id="43", case="0003256109")]
        with capture_logs() as log:
            page = await core.changes()
        assert [case.number for case in page.cases] == ["0003256109"]
        assert log == []


# ── Changes ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("told", [{}, {"collection": {}}, {"collection": ["42"]}])
async def test_a_page_that_is_none_is_a_contradiction(
    core: RoundupCaseCore, tracker: FalseTracker, told: object
) -> None:
    tracker.answers["GET /issue"] = says({"data": told})
    with pytest.raises(CaseContradictionError):
        await core.changes()


async def test_one_ticket_that_is_no_case_holds_up_no_other(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.tickets = [ticket(status__name="on-hold"), ticket(id="43")]
    with capture_logs() as log:
        page = await core.changes()
    assert [case.number for case in page.cases] == ["0000000043"]
    assert page.unreadable == ("0000000042",)
    assert [line["ticket"] for line in log] == ["42"]


async def test_many_tickets_of_one_second_are_told_page_by_page(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.tickets = [ticket(id=str(count)) for count in range(1, 31)]
    found, cursor, more = list[str](), None, True
    while more:
        page = await core.changes(cursor, limit=2)
        assert len(page.cases) <= 2
        found += [case.number for case in page.cases]
        cursor, more = page.cursor, page.more
    assert found == [f"{count:010}" for count in range(1, 31)]


async def test_more_tickets_of_one_second_than_can_be_told_are_told_of(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.tickets = [ticket(id="42")] * 20_000
    page = await core.changes(limit=100)
    with pytest.raises(CaseContradictionError, match="one second"):
        await core.changes(page.cursor, limit=100)


async def test_without_any_ticket_there_is_nothing_to_tell(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.tickets = []
    page = await core.changes()
    assert (page.cases, page.more) == ((), False)


# ── Messages ─────────────────────────────────────────────────────────────────────────────────


async def test_a_message_goes_along_with_the_status_that_the_ticket_has(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.attached = ["6"]
    await core.tell(SENT)
    assert tracker.put == {"messages": ["6", "7"], "status": "3"}
    tracker.put = {}
    await core.tell(SENT)
    assert tracker.put == {}


async def test_of_two_messages_of_an_event_the_first_stays(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.messages, tracker.attached = {"10": NAME, "9": NAME}, ["8", "9", "10", "11"]
    await core.tell(SENT)
    assert tracker.put["messages"] == ["8", "9", "11"]


@pytest.mark.parametrize(
    ("attached", "left"),
    [
        (["8", "9", "9"], ["8", "7"]),
        (["9", "8", "9", "10"], ["8", "10"]),
        (["9", "9", "10", "10", "8"], ["8", "7"]),
    ],
)
async def test_a_message_that_is_attached_twice_gives_way_to_one_that_is_there_once(
    core: RoundupCaseCore, tracker: FalseTracker, attached: list[str], left: list[str]
) -> None:
    tracker.messages, tracker.attached = {"9": NAME, "10": NAME, "11": NAME}, attached
    await core.tell(SENT)
    assert tracker.put["messages"] == left
    tracker.put = {}
    await core.tell(SENT)
    assert tracker.put == {}


async def test_a_message_that_was_made_and_never_attached_is_attached(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.messages = {"5": NAME}
    await core.tell(SENT)
    assert tracker.put["messages"] == ["5"]
    assert list(tracker.messages) == ["5"]


async def test_a_ticket_that_waited_gets_the_status_that_means_ours(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.tickets = [ticket(status__name="asked")]
    await core.tell(SENT)
    assert tracker.put["status"] == "looked-at"


async def test_a_ticket_without_a_status_of_its_own_gets_none(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.status = {}
    await core.tell(SENT)
    assert tracker.put == {"messages": ["7"]}


async def test_what_people_need_not_know_is_no_message(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    await core.tell(replace(SENT, type="of-another-release"))
    assert tracker.messages == {}


async def test_a_ticket_that_keeps_changing_is_told_later(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    tracker.answers["PUT /issue/42"] = says(ERROR, 412)
    with pytest.raises(CaseCoreUnavailableError) as caught:
        await core.tell(SENT)
    assert "changing" in caught.value.message


@pytest.mark.parametrize(
    ("what", "answer", "error"),
    [
        ("POST /msg", says(ERROR, 400), RefusedError),
        ("POST /msg", says(ERROR, 403), CaseCoreUnavailableError),
        ("POST /msg", text("<h1>Not Found</h1>", 404), CaseCoreUnavailableError),
        ("POST /msg", says({"data": {}}), CaseContradictionError),
        ("GET /msg", says({"data": {"collection": [{}]}}), CaseContradictionError),
        ("PUT /issue/42", says(ERROR, 404), CaseMissingError),
        ("PUT /issue/42", says(ERROR, 405), RefusedError),  # by a detector
        ("PUT /issue/42", says(ERROR, 503), CaseCoreUnavailableError),
    ],
)
async def test_what_a_tracker_does_not_take_is_told_later_or_never(
    core: RoundupCaseCore,
    tracker: FalseTracker,
    what: str,
    answer: Callable[[], web.Response],
    error: type[Exception],
) -> None:
    tracker.answers[what] = answer
    with pytest.raises(error) as caught:
        await core.tell(SENT)
    assert type(caught.value) is error


async def test_a_ticket_without_a_list_of_messages_is_a_contradiction(
    core: RoundupCaseCore, tracker: FalseTracker
) -> None:
    strange = {"id": "42", "attributes": {**ticket(), "messages": "7"}, "@etag": '"e"'}
    tracker.answers["GET /issue/42"] = says({"data": strange})
    with pytest.raises(CaseContradictionError):
        await core.tell(SENT)
