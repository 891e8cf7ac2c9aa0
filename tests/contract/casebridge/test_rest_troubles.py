"""What a case core by HTTP can do wrong, and what becomes of it."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.clock import MovableClock
from tests.contract.casebridge.case_core_contract import a_file
from tests.reference_core import TOKEN, ReferenceCore, Trouble, problem
from transfer.casebridge.case_documents import case_document
from transfer.casebridge.core_client import AnswerTooLongError, CoreAccess, CoreClient
from transfer.casebridge.rest import RestCaseCore
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import (
    CaseContradictionError,
    CaseCoreUnavailableError,
    CaseMissingError,
    InvalidRequestError,
    RefusedError,
)

NUMBER = CaseNumber("0003256109")
QUICK = timedelta(milliseconds=200)


def client(server: ReferenceCore, clock: MovableClock, **changed: Any) -> RestCaseCore:  # noqa: ANN401 -- fields of CoreAccess
    access = CoreAccess(headers={"Authorization": f"Bearer {TOKEN}"}, **changed)
    return RestCaseCore(server.url, CoreClient(access, clock), source="urn:test")


@pytest.fixture
async def case(reference: ReferenceCore) -> Case:
    return await reference.desk.open("Crash", "Example Ltd", "ada", NUMBER)


def answering(make: Callable[[], web.Response], times: int = 1000) -> Trouble:
    """Answer so, the first `times`."""
    left = times

    async def trouble(_: web.Request) -> web.Response | None:
        nonlocal left
        left -= 1
        return make() if left >= 0 else None

    return trouble


def status(code: int, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=code, headers=headers, text="whatever")


def says(body: object) -> Callable[[], web.Response]:
    return lambda: web.json_response(body)


# ── Away ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [500, 502, 503, 504, 429, 408])
async def test_a_failure_is_unavailable_after_another_try(
    rest: RestCaseCore, reference: ReferenceCore, case: Case, code: int
) -> None:
    reference.trouble = answering(status(code))
    with pytest.raises(CaseCoreUnavailableError):
        await rest.case(NUMBER)
    assert len(reference.asked) == 2


async def test_a_failure_in_passing_is_not_noticed(
    rest: RestCaseCore, reference: ReferenceCore, case: Case
) -> None:
    reference.trouble = answering(status(503), times=1)
    assert (await rest.case(NUMBER)).subject == "Crash"


async def test_one_that_says_when_to_come_again_is_not_asked_before(
    rest: RestCaseCore, reference: ReferenceCore, case: Case
) -> None:
    reference.trouble = answering(status(503, **{"Retry-After": "17"}))
    with pytest.raises(CaseCoreUnavailableError) as refused:
        await rest.case(NUMBER)
    assert refused.value.retry_after == timedelta(seconds=17)
    assert len(reference.asked) == 1


@pytest.mark.parametrize("code", [401, 403])
async def test_credentials_that_are_not_taken_make_no_case_missing(
    rest: RestCaseCore, reference: ReferenceCore, case: Case, code: int
) -> None:
    reference.trouble = answering(status(code))
    with pytest.raises(CaseCoreUnavailableError, match="credentials"):
        await rest.case(NUMBER)
    assert len(reference.asked) == 1


async def test_a_redirect_is_not_followed(
    rest: RestCaseCore, reference: ReferenceCore, case: Case
) -> None:
    reference.trouble = answering(status(302, Location=f"{reference.url}/cases/{NUMBER}"))
    with pytest.raises(CaseCoreUnavailableError):
        await rest.case(NUMBER)
    assert len(reference.asked) == 1


@pytest.mark.parametrize(
    "body", ["<html>no such page</html>", "[]", '{"code": 404}', '{"code": "not-found"}']
)
async def test_a_404_that_the_core_does_not_speak_is_no_missing_case(
    rest: RestCaseCore, reference: ReferenceCore, case: Case, body: str
) -> None:
    reference.trouble = answering(lambda: web.Response(status=404, text=body))
    with pytest.raises(CaseCoreUnavailableError):
        await rest.case(NUMBER)


async def test_a_core_that_is_not_there_is_unavailable(
    rest: RestCaseCore, reference: ReferenceCore
) -> None:
    await reference.stop()
    with pytest.raises(CaseCoreUnavailableError):
        await rest.case(NUMBER)
    with pytest.raises(CaseCoreUnavailableError):
        await rest.changes()
    with pytest.raises(CaseCoreUnavailableError):
        await rest.tell(a_file(NUMBER, "app.log", MovableClock()))


async def test_a_core_that_never_answers_is_given_up(
    reference: ReferenceCore, case: Case, clock: MovableClock
) -> None:
    async def hang(_: web.Request) -> None:
        await asyncio.Event().wait()

    reference.trouble = hang
    rest = client(reference, clock, timeout=QUICK)
    with pytest.raises(CaseCoreUnavailableError):
        await rest.case(NUMBER)
    await rest.close()


async def test_a_core_that_answers_byte_by_byte_is_given_up(
    reference: ReferenceCore, case: Case, clock: MovableClock
) -> None:
    gone = asyncio.Event()

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.02)  # noqa: TID251 -- a slow server is slow in real time
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    reference.trouble = trickle
    rest = client(reference, clock, timeout=QUICK, tries=1)
    with pytest.raises(CaseCoreUnavailableError):
        await rest.case(NUMBER)
    await rest.close()
    async with asyncio.timeout(10):
        await gone.wait()


async def test_an_answer_without_end_is_not_read_to_its_end(
    reference: ReferenceCore, case: Case, clock: MovableClock
) -> None:
    reference.trouble = answering(lambda: web.Response(body=b" " * 100_000))
    rest = client(reference, clock, most_bytes=50_000)
    with pytest.raises(CaseCoreUnavailableError) as refused:
        await rest.case(NUMBER)
    await rest.close()
    assert not isinstance(refused.value, CaseContradictionError)  # it was never looked at
    assert len(reference.asked) == 1


# ── Garbage ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"null",
        b"[]",
        b"{}",
        b'{"number": "0003256109"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"number": "\\ud800"}',
    ],
)
async def test_an_answer_that_is_no_case_contradicts_what_was_agreed(
    rest: RestCaseCore, reference: ReferenceCore, body: bytes
) -> None:
    reference.trouble = answering(lambda: web.Response(body=body))
    with pytest.raises(CaseContradictionError):
        await rest.case(NUMBER)
    with pytest.raises(CaseContradictionError):
        await rest.changes()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("number", "325610"),
        ("number", "٠٠٠٣٢٥٦١٠٩"),
        ("version", -1),
        ("version", 2**53),
        ("version", "7"),
        ("version", True),
        ("status", "Done"),
        ("status", None),
        ("opened_at", "2026-03-02T09:00:00"),
        ("opened_at", 1_000_000_000),
        ("opened_at", "0001-01-01T00:00:00+23:00"),
        ("closed_at", "yesterday"),
        ("subject", "x" * 2001),
        ("substatus", ""),
        ("contacts", [{"account": "ACME", "person": "eve", "kind": "owner"}]),
    ],
)
async def test_a_member_of_another_form_spoils_the_case(
    rest: RestCaseCore, reference: ReferenceCore, case: Case, member: str, value: object
) -> None:
    reference.trouble = answering(says({**case_document(case), member: value}))
    with pytest.raises(CaseContradictionError) as spoiled:
        await rest.case(NUMBER)
    assert not value or str(value) not in spoiled.value.message


async def test_characters_that_would_break_a_line_or_a_row_are_replaced(
    rest: RestCaseCore, reference: ReferenceCore, case: Case
) -> None:
    told = {**case_document(case), "subject": "a\x00b\nc\u202ed"}
    reference.trouble = answering(says(told))
    assert (await rest.case(NUMBER)).subject == "a\ufffdb\ufffdc\ufffdd"


async def test_members_that_nobody_knows_yet_do_no_harm(
    rest: RestCaseCore, reference: ReferenceCore, case: Case
) -> None:
    reference.trouble = answering(says({**case_document(case), "mood": "sunny"}))
    assert (await rest.case(NUMBER)).subject == "Crash"


# ── Events and changes ───────────────────────────────────────────────────────────────────────


async def test_events_are_told_as_a_batch_of_cloud_events(
    rest: RestCaseCore, reference: ReferenceCore, case: Case, clock: MovableClock
) -> None:
    event = a_file(NUMBER, "app.log", clock)
    await rest.tell(event)
    assert reference.events == [
        {
            "specversion": "1.0",
            "id": event.id,
            "source": "urn:test",
            "type": "file.received",
            "subject": NUMBER,
            "time": "2026-03-02T09:00:00Z",
            "datacontenttype": "application/json",
            "data": json.loads(json.dumps(dict(event.data))),
        }
    ]


@pytest.mark.parametrize("code", [400, 410, 413, 415, 422])
async def test_events_that_the_core_refuses_are_not_told_again(
    rest: RestCaseCore, reference: ReferenceCore, case: Case, code: int, clock: MovableClock
) -> None:
    reference.trouble = answering(status(code))
    with pytest.raises(RefusedError):
        await rest.tell(a_file(NUMBER, "app.log", clock))
    assert len(reference.asked) == 1


@pytest.mark.parametrize("code", [404, 409, 423, 500, 503])
async def test_events_that_fail_in_passing_are_told_later(
    rest: RestCaseCore, reference: ReferenceCore, case: Case, code: int, clock: MovableClock
) -> None:
    reference.trouble = answering(status(code))
    with pytest.raises(CaseCoreUnavailableError):
        await rest.tell(a_file(NUMBER, "app.log", clock))
    assert len(reference.asked) == 1


async def test_events_of_a_case_that_is_gone_are_not_told_again(
    rest: RestCaseCore, reference: ReferenceCore, clock: MovableClock
) -> None:
    reference.trouble = answering(lambda: problem(404, "case-not-found"))
    with pytest.raises(CaseMissingError):
        await rest.tell(a_file(NUMBER, "app.log", clock))


async def test_a_cursor_is_unknown_only_if_the_core_says_so(
    rest: RestCaseCore, reference: ReferenceCore
) -> None:
    reference.trouble = answering(lambda: problem(400, "cursor-unknown"))
    with pytest.raises(InvalidRequestError):
        await rest.changes("old")
    reference.trouble = answering(lambda: problem(400, "something-else"))
    with pytest.raises(CaseCoreUnavailableError):
        await rest.changes("old")


async def test_cases_that_are_garbage_keep_no_other_waiting(
    rest: RestCaseCore, reference: ReferenceCore, case: Case
) -> None:
    spoilt = {**case_document(case), "number": "0000000007", "subject": "\ud800"}
    cases = [{"number": "1"}, 7, spoilt, case_document(case)]
    reference.trouble = answering(says({"cases": cases, "cursor": "1", "more": False}))
    page = await rest.changes()
    assert [one.number for one in page.cases] == [NUMBER]
    assert page.unreadable == (None, None, "0000000007")
    assert page.cursor == "1"


async def test_a_page_that_is_too_long_is_asked_for_in_halves(
    reference: ReferenceCore, case: Case, clock: MovableClock
) -> None:
    rest = client(reference, clock, most_bytes=2000)
    limits: list[int] = []

    async def by_the_limit(request: web.Request) -> web.Response:
        limits.append(int(request.query["limit"]))
        cases = [case_document(case)] * limits[-1]
        return web.json_response({"cases": cases, "cursor": "1", "more": True})

    reference.trouble = by_the_limit
    assert 1 <= len((await rest.changes(limit=100)).cases) < 10
    await rest.close()
    assert limits[:5] == [100, 50, 25, 12, 6]
    few = client(reference, clock, most_bytes=100)
    with pytest.raises(AnswerTooLongError):
        await few.changes(limit=2)
    await few.close()
    assert limits[-2:] == [2, 1]
