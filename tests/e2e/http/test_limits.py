"""Limits of connections and of requests at once, and the deadlines of heads and handshakes."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.http.wire import Wire, patch_head, received, wire
from tests.engine_room import NUMBER
from transfer.http.certificates import CertificateFiles
from transfer.http.listener import CurrentTls
from transfer.http.policy import HttpPolicy
from transfer.http.proxies import Proxies
from transfer.http.tls import own_certificate
from transfer.values import parse_networks

LOCAL = Proxies(parse_networks(["127.0.0.0/8"]))
HEALTH = "GET /healthz HTTP/1.1\nHost: x\n\n"


@pytest.fixture
def tls(tmp_path: Path) -> CurrentTls:
    clock = MovableClock()
    made = own_certificate(tmp_path, [], clock.now())
    return CertificateFiles(made.certificate, made.key, clock).context


@contextlib.asynccontextmanager
async def wires(room: HttpRoom, count: int) -> AsyncIterator[list[Wire]]:
    """Open connections that have been served once, and wait for nothing now."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            one = await stack.enter_async_context(wire(room))
            await one.say(HEALTH)
            assert (await one.hear())[0] == 200
            opened.append(one)
        yield opened


async def settle() -> None:
    """Let what is ready happen."""
    for _ in range(20):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)


# ── Connections ──────────────────────────────────────────────────────────────────────────────


async def test_the_connection_that_is_idle_for_longest_gives_way(tmp_path: Path) -> None:
    policy = HttpPolicy(max_connections=3)
    async with http_room(tmp_path, policy=policy) as room, wires(room, 3) as (first, *others):
        await first.say(HEALTH)
        assert (await first.hear())[0] == 200  # it was the oldest, and is the youngest now
        async with wires(room, 1):
            assert await others[0].is_closed()
            for one in (first, others[1]):
                await one.say(HEALTH)
                assert (await one.hear())[0] == 200


async def test_a_head_that_is_not_whole_gives_way_and_a_body_does_not(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=HttpPolicy(max_connections=2)) as room:
        location = await room.begin(100)
        await room.session.close()  # a client's own connections count as well
        async with wire(room) as busy, wire(room) as idle:
            await busy.say(patch_head(room, location, 0, 100), b"abc")
            await received(room, 3)
            await idle.say("GET /healthz HTTP/1.1\nHost: x\n")
            async with wire(room) as newcomer:
                await newcomer.say(HEALTH)
                assert (await newcomer.hear())[0] == 200
                assert await idle.is_closed()
            await busy.say("", bytes(97))
            assert (await busy.hear())[0] == 204


async def test_a_place_has_no_more_connections_than_its_share(tmp_path: Path) -> None:
    policy = HttpPolicy(max_connections_per_client=1, max_requests_per_client=9)
    async with http_room(tmp_path, policy=policy) as room:
        location = await room.begin(100)
        await room.session.close()
        async with wire(room) as busy:
            await busy.say(patch_head(room, location, 0, 100), b"abc")
            await received(room, 3)
            async with wire(room) as newcomer:
                status, head = await newcomer.hear()
                assert (status, await newcomer.is_closed()) == (503, True)
                assert "Retry-After" in head
            await busy.say("", bytes(97))
            assert (await busy.hear())[0] == 204
        await settle()
        async with wires(room, 1):
            pass


async def test_a_trusted_proxy_has_no_share_of_its_own(tmp_path: Path) -> None:
    policy = HttpPolicy(max_connections_per_client=1, proxies=LOCAL)
    async with http_room(tmp_path, policy=policy) as room, wires(room, 5) as opened:
        await opened[0].say(HEALTH)
        assert (await opened[0].hear())[0] == 200


async def test_over_tls_a_newcomer_that_is_too_many_costs_no_handshake(
    tmp_path: Path, tls: CurrentTls
) -> None:
    policy = HttpPolicy(max_connections=1)
    async with http_room(tmp_path, policy=policy, tls=tls) as room, wire(room):
        await settle()
        async with wire(room) as newcomer:
            assert await newcomer.is_closed()


async def test_without_descriptors_newcomers_wait_and_are_served_later(
    room: HttpRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, failures = socket.socket.accept, [errno.EMFILE, errno.ECONNABORTED]

    def scarce(one: socket.socket) -> object:
        if failures:
            number = failures.pop(0)
            raise OSError(number, "refused by the system")
        return accept(one)

    monkeypatch.setattr(socket.socket, "accept", scarce)
    async with wire(room) as patient, asyncio.timeout(10):
        await patient.say(HEALTH)
        assert (await patient.hear())[0] == 200
    assert failures == []


# ── Deadlines ────────────────────────────────────────────────────────────────────────────────

HASTY = HttpPolicy(head=timedelta(seconds=0.3), handshake=timedelta(seconds=0.3))


async def test_a_head_that_comes_bit_by_bit_has_a_deadline(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=HASTY, running=True) as room, wire(room) as slow:
        await slow.say("GET /healthz HTTP/1.1\n")

        async def trickle() -> None:
            while True:
                await slow.say("X-A: a\n")
                await room.engine.clock.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        assert (await slow.hear())[0] == 408
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)


async def test_a_later_head_on_a_connection_has_the_same_deadline(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=HASTY) as room, wires(room, 1) as (one,):
        await one.say("GET /healthz HTTP/1.1\n")
        status, head = await one.hear()
        assert (status, await one.is_closed()) == (408, True)
        assert "Connection: close" in head


async def test_who_connects_and_says_nothing_is_let_go_without_a_word(tmp_path: Path) -> None:
    async with http_room(tmp_path, policy=HASTY) as room, wire(room) as silent:
        assert await silent.is_closed()


async def test_a_body_and_a_pause_between_requests_have_no_deadline_of_heads(
    tmp_path: Path,
) -> None:
    async with http_room(tmp_path, policy=HASTY, running=True) as room:
        location = await room.begin(6)
        async with wires(room, 1) as (one,):
            await room.engine.clock.sleep(0.6)
            await one.say(patch_head(room, location, 0, 6), b"abc")
            await room.engine.clock.sleep(0.6)
            await one.say("", b"def")
            assert (await one.hear())[0] == 204
            await room.engine.clock.sleep(0.6)
            await one.say(HEALTH)
            assert (await one.hear())[0] == 200


async def test_a_handshake_has_a_deadline(tmp_path: Path, tls: CurrentTls) -> None:
    async with http_room(tmp_path, policy=HASTY, tls=tls) as room, wire(room) as silent:
        with contextlib.suppress(ConnectionError):
            assert await silent.is_closed()


async def test_what_is_no_handshake_is_let_go(tmp_path: Path, tls: CurrentTls) -> None:
    policy = HttpPolicy(max_connections=1)
    async with http_room(tmp_path, policy=policy, tls=tls) as room:
        for _ in range(3):  # one that failed leaves its place to the next
            async with wire(room) as plain, asyncio.timeout(5):
                await plain.say(HEALTH)
                with contextlib.suppress(ConnectionError):
                    assert b"HTTP/1.1 200" not in await plain.reader.read()
            await settle()
        url = f"https://{room.host}:{room.port}/healthz"
        async with room.session.get(url, ssl=False) as response:
            assert response.status == 200


async def test_a_server_that_stops_leaves_no_handshake_behind(
    tmp_path: Path, tls: CurrentTls
) -> None:
    async with http_room(tmp_path, tls=tls) as room, wire(room) as silent:
        await settle()
        await room.server.stop()
        with contextlib.suppress(ConnectionError):
            assert await silent.is_closed()


# ── Requests at once ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def busy_room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    policy = HttpPolicy(max_requests_per_client=1, max_requests_per_case=2)
    async with http_room(tmp_path, policy=policy) as room:
        yield room


@contextlib.asynccontextmanager
async def stalled(room: HttpRoom, location: str, who: str = "designated") -> AsyncIterator[Wire]:
    """Hold a request that goes on for ever."""
    async with wire(room) as one:
        head = patch_head(room, location, 0, 100)
        await one.say(head.replace(room.tokens["designated"], room.tokens[who]), b"abc")
        await received(room, 3)
        yield one


async def test_a_client_with_too_many_requests_at_once_is_told_to_wait(busy_room: HttpRoom) -> None:
    room = busy_room
    location = await room.begin(100)
    async with stalled(room, location):
        answer = await room.ask("GET", f"/api/v1/cases/{NUMBER}")
        assert (answer.status, answer.code) == (429, "too-many-requests")
        assert int(answer.headers["Retry-After"]) > 0
        other = await room.ask("GET", f"/api/v1/cases/{NUMBER}", who="analyst")
        assert other.status == 200
        assert (await room.ask("GET", "/healthz", who=None)).status == 200
    async with asyncio.timeout(5):
        while (await room.ask("GET", f"/api/v1/cases/{NUMBER}")).status == 429:
            await settle()


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
@pytest.mark.parametrize("overridden", [True, False])
async def test_what_ends_a_stalled_request_gets_through(
    busy_room: HttpRoom, method: str, *, overridden: bool
) -> None:
    room = busy_room
    location = await room.begin(100)
    async with stalled(room, location):
        headers = {"Tus-Resumable": "1.0.0"}
        if overridden:
            headers["X-HTTP-Method-Override"] = method
        answer = await room.ask("POST" if overridden else method, location, headers=headers)
        assert answer.status in (200, 204)


async def test_a_case_has_no_more_requests_of_its_customers_than_its_share(
    tmp_path: Path,
) -> None:
    async with http_room(tmp_path, policy=HttpPolicy(max_requests_per_case=1)) as room:
        location = await room.begin(100)
        async with stalled(room, location):
            answer = await room.ask("GET", f"/api/v1/cases/{NUMBER}", who="read-only")
            assert answer.status == 429
            assert "case" in answer.json()["detail"]
            for who in ("analyst", "admin"):
                assert (await room.ask("GET", f"/api/v1/cases/{NUMBER}", who=who)).status == 200
            elsewhere = await room.ask("GET", "/api/v1/cases/0009999999", who="stranger")
            assert elsewhere.status == 200
