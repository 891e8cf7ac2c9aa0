"""Events to a receiver: signed CloudEvents, one by one, and what its answers mean."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook

from tests.clock import START
from transfer.casebridge.signatures import SigningKeys
from transfer.casebridge.webhooks import ReceiverUnavailableError, WebhookSink
from transfer.clock import SystemClock
from transfer.core.cases import CaseNumber
from transfer.core.errors import RefusedError
from transfer.ports import CaseEvent

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """A receiver of webhooks, which answers as told and takes note of what comes."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.taken.append((headers, await request.read()))
        return web.Response(status=self.status, headers=self.headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.add_routes([web.post("/events", receiver.take)])
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/events"))
        yield receiver


@pytest.fixture
async def sink(receiver: Receiver) -> AsyncIterator[WebhookSink]:
    made = WebhookSink(
        receiver.url, SigningKeys([KEY]), SystemClock(), source="https://transfer.example.com"
    )
    yield made
    await made.close()


def an_event(name: str = "e1") -> CaseEvent:
    return CaseEvent(
        id=name,
        type="file.received",
        case_number=CaseNumber("0003256109"),
        at=START,
        data={"path": "Größe.log", "size": 7},
    )


async def test_an_event_is_a_signed_cloud_event(receiver: Receiver, sink: WebhookSink) -> None:
    await sink.tell(an_event("e1"), an_event("e2"))
    assert [headers["webhook-id"] for headers, _ in receiver.taken] == ["e1", "e2"]
    headers, body = receiver.taken[0]
    assert headers["content-type"] == "application/cloudevents+json"
    assert Webhook(KEY).verify(body, headers) == {
        "specversion": "1.0",
        "id": "e1",
        "source": "https://transfer.example.com",
        "type": "file.received",
        "subject": "0003256109",
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": {"path": "Größe.log", "size": 7},
    }


@pytest.mark.parametrize("status", [301, 401, 404, 408, 409, 429, 500, 503])
async def test_a_receiver_that_has_trouble_is_told_later(
    receiver: Receiver, sink: WebhookSink, status: int
) -> None:
    receiver.status = status
    with pytest.raises(ReceiverUnavailableError, match=str(status)):
        await sink.tell(an_event(), an_event("e2"))
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("status", [400, 410, 413, 422])
async def test_a_receiver_that_does_not_want_an_event_says_so(
    receiver: Receiver, sink: WebhookSink, status: int
) -> None:
    receiver.status = status
    with pytest.raises(RefusedError, match=str(status)):
        await sink.tell(an_event())


async def test_how_long_it_wants_to_be_left_alone_is_told(
    receiver: Receiver, sink: WebhookSink
) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": "17"}
    with pytest.raises(ReceiverUnavailableError) as failed:
        await sink.tell(an_event())
    assert failed.value.retry_after == timedelta(seconds=17)


async def test_a_receiver_that_is_away_is_told_later() -> None:
    sink = WebhookSink(
        "http://127.0.0.1:9/events", SigningKeys([KEY]), SystemClock(), source="urn:x"
    )
    with pytest.raises(ReceiverUnavailableError) as failed:
        await sink.tell(an_event())
    assert failed.value.retry_after is None
    assert "Größe" not in str(failed.value)
    await sink.close()
    await sink.close()


async def test_a_sink_that_was_never_used_closes(receiver: Receiver) -> None:
    sink = WebhookSink(receiver.url, SigningKeys([KEY]), SystemClock(), source="urn:x")
    await sink.close()
    assert json.dumps(receiver.taken) == "[]"
