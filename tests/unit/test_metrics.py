"""What is measured, as text that Prometheus reads."""

import socket

import aiohttp
import pytest

from transfer.http.metrics import MetricsServer
from transfer.metrics import PrometheusMeter
from transfer.ports.metering import Measure, NoMeter
from transfer.service.metrics import served_metrics
from transfer.settings import load

EVENTS = Measure("events", "Events that were told.", ("outcome",))
OPEN = Measure("open", "Cases that are open.")


def test_counters_add_up_and_gauges_show_what_is_now() -> None:
    meter = PrometheusMeter()
    meter.count(EVENTS, outcome="delivered")
    meter.count(EVENTS, 2, outcome="delivered")
    meter.count(EVENTS, 0, outcome="dead")
    meter.show(OPEN, 7)
    meter.show(OPEN, 3)
    lines = meter.page().decode().splitlines()
    assert 'transfer_events_total{outcome="delivered"} 3.0' in lines
    assert 'transfer_events_total{outcome="dead"} 0.0' in lines
    assert "transfer_open 3.0" in lines
    assert "# HELP transfer_open Cases that are open." in lines


def test_two_meters_have_nothing_in_common() -> None:
    one, other = PrometheusMeter(), PrometheusMeter()
    one.count(OPEN)
    other.show(OPEN, 1)
    assert b"transfer_open_total 1.0" in one.page()
    assert b"transfer_open 1.0" in other.page()


def test_where_nobody_watches_nothing_is_kept() -> None:
    NoMeter().count(EVENTS, outcome="delivered")
    NoMeter().show(OPEN, 1)


async def test_they_are_answered_on_a_port_of_their_own() -> None:
    meter = PrometheusMeter()
    meter.show(OPEN, 5)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    server = MetricsServer(meter)
    await server.start([listener])
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/metrics") as answer:
                assert answer.status == 200
                assert answer.headers["Content-Type"].startswith("text/plain")
                assert "transfer_open 5.0" in await answer.text()
            async with session.get(url) as answer:
                assert answer.status == 404
    finally:
        await server.stop()
        listener.close()


async def test_the_service_answers_where_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = load(metrics_listen=f"127.0.0.1:{port - 1}")
    async with (
        served_metrics(settings, PrometheusMeter(), member=1),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.status == 200


async def test_it_answers_nowhere_else() -> None:
    async with served_metrics(load(), PrometheusMeter()):
        pass
