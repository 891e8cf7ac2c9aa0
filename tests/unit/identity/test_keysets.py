"""The portal's public keys: of a file, or fetched, and no oftener than is needed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.clock import MovableClock
from tests.portal import Portal
from transfer.core.errors import UnavailableError
from transfer.identity.client import JsonClient
from transfer.identity.keysets import (
    APART,
    FRESH,
    STALE,
    FetchedKeys,
    KeySetError,
    KnownKeys,
    read_keys,
    usable_keys,
)


@dataclass
class Publisher:
    """A portal's server of keys; counts how often it is asked."""

    keys: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: int = 0
    url: str = ""

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response(self.keys, status=self.status)


@asynccontextmanager
async def publisher() -> AsyncIterator[Publisher]:
    made = Publisher()
    app = web.Application()
    app.add_routes([web.get("/jwks.json", made.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks.json"
        yield made
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fetching(*portals: Portal) -> AsyncIterator[tuple[FetchedKeys, Publisher, MovableClock]]:
    clock = MovableClock()
    async with publisher() as published:
        published.keys = {"keys": [key for one in portals for key in one.jwks["keys"]]}
        keys = FetchedKeys(published.url, JsonClient(timeout=timedelta(seconds=5)), clock)
        try:
            yield keys, published, clock
        finally:
            await keys.close()


# ── Of a file ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ed25519", [False, True])
async def test_a_file_may_have_keys_as_pem_without_an_id(tmp_path: Path, ed25519: bool) -> None:
    old, new = Portal(ed25519=ed25519), Portal()
    (tmp_path / "keys.pem").write_bytes(b"# ours\n" + old.pem + new.pem)
    keys = read_keys(tmp_path / "keys.pem")
    assert [key["x"] for key in keys] == [one.key.as_dict(private=False)["x"] for one in (old, new)]
    known = KnownKeys(keys)
    assert await known.keys("whatever") == await known.keys(None) == keys
    await known.close()


def test_a_file_may_be_a_jwks_or_one_jwk(tmp_path: Path) -> None:
    portal, path = Portal(), tmp_path / "keys.json"
    path.write_text(json.dumps(portal.jwks))
    assert read_keys(path) == portal.jwks["keys"]
    path.write_text(json.dumps(portal.jwks["keys"][0]))
    assert read_keys(path) == portal.jwks["keys"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"no json",
        b'{"keys": 5}',
        b'{"keys": []}',
        b"-----BEGIN PUBLIC KEY-----\nxxxx\n-----END PUBLIC KEY-----\n",
        RSAKey.generate_key(2048).as_pem(private=False),
        ECKey.generate_key("P-384").as_pem(private=False),
    ],
)
def test_a_file_without_a_key_that_can_be_used_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(KeySetError):
        read_keys(tmp_path / "keys")


def test_of_a_jwks_only_public_keys_for_signatures_are_used() -> None:
    portal = Portal()
    [good] = portal.jwks["keys"]
    private = portal.key.as_dict(private=True)
    assert "d" in private
    keys = [
        private,
        {**good, "use": "enc"},
        {**good, "crv": "P-384"},
        {**good, "kty": "OKP"},
        {**good, "kid": 5},
        {**good, "x": "!"},
        {"kty": "EC", "crv": "P-256"},
        OctKey.generate_key(256).as_dict(private=True),
        RSAKey.generate_key(2048).as_dict(private=False),
        "key",
    ]
    assert usable_keys({"keys": keys}) == [good]


# ── Fetched ──────────────────────────────────────────────────────────────────────────────────


async def test_keys_are_fetched_once_and_used_for_a_while() -> None:
    async with fetching(Portal()) as (keys, published, clock):
        many = await asyncio.gather(*(keys.keys("portal-1") for _ in range(5)))
        assert [len(found) for found in many] == [1] * 5
        clock.advance(FRESH - timedelta(seconds=1))
        await keys.keys("portal-1")
        assert published.asked == 1
        clock.advance(1)
        await keys.keys("portal-1")
        assert published.asked == 2


async def test_a_new_key_is_found_at_once_and_unknown_ones_are_asked_for_seldom() -> None:
    async with fetching(Portal()) as (keys, published, clock):
        assert await keys.keys("portal-2") == []
        published.keys = Portal(kid="portal-2").jwks
        for number in range(20):
            assert await keys.keys(f"portal-{number + 3}") == []
        assert published.asked == 1
        clock.advance(APART)
        assert len(await keys.keys("portal-2")) == 1
        assert await keys.keys("portal-1") == []
        assert published.asked == 2


@pytest.mark.parametrize("fault", ["status", "no keys", "no json"])
async def test_keys_that_are_known_outlive_a_portal_that_is_away_but_not_for_ever(
    fault: str,
) -> None:
    async with fetching(Portal()) as (keys, published, clock):
        await keys.keys("portal-1")
        if fault == "status":
            published.status = 503
        else:
            published.keys = {"keys": []} if fault == "no keys" else {}
        clock.advance(STALE - timedelta(seconds=1))
        assert len(await keys.keys("portal-1")) == 1
        clock.advance(1)
        with pytest.raises(UnavailableError):
            await keys.keys("portal-1")


async def test_without_any_keys_a_link_has_to_wait() -> None:
    clock = MovableClock()
    keys = FetchedKeys("http://127.0.0.1:9/", JsonClient(timeout=timedelta(seconds=5)), clock)
    with pytest.raises(UnavailableError):
        await keys.keys("portal-1")
    await keys.close()
