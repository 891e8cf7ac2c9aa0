"""Whose launch links are followed, as settings say."""

import asyncio
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.portal import AUDIENCE, ISSUER, Portal
from transfer.core.access import Role
from transfer.core.errors import LaunchElsewhereError, LaunchRefusedError
from transfer.identity.keysets import FetchedKeys
from transfer.records.migrate import upgrade
from transfer.settings import Settings, SettingsError
from transfer.wiring.launches import launches, portal_keys
from transfer.wiring.parts import database_url, open_parts


def settings_of(data: Path, **given: object) -> Settings:
    (data / "keys.pem").write_bytes(b"")
    return Settings.model_validate({"data": data, **given})


async def test_links_of_the_portal_are_followed_by_the_keys_of_a_file(tmp_path: Path) -> None:
    portal = Portal()
    settings = settings_of(
        tmp_path,
        launch_issuer=ISSUER,
        launch_audience=AUDIENCE,
        launch_keys_file=tmp_path / "keys.pem",
        launch_roles="designated,analyst",
    )
    (tmp_path / "keys.pem").write_bytes(portal.pem)
    await asyncio.to_thread(upgrade, database_url(settings))
    clock = MovableClock()
    async with open_parts(settings, clock=clock) as parts:
        following = launches(parts, portal_keys(settings, clock))
        token = portal.token(clock.now(), role="analyst", without="case")
        launched = await following.follow(token, address=None)
        assert launched.session.role is Role.ANALYST
        with pytest.raises(LaunchRefusedError):
            await following.follow(portal.token(clock.now(), role="admin"), address=None)
        own = await parts.links.make(Role.ADMIN, "Al", None, made_by="operator")
        assert (await following.follow(own, address=None)).session.role is Role.ADMIN


async def test_without_a_portal_only_the_service_s_own_links_are_followed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    await asyncio.to_thread(upgrade, database_url(settings))
    clock = MovableClock()
    async with open_parts(settings, clock=clock) as parts:
        following = launches(parts, portal_keys(settings, clock))
        with pytest.raises(LaunchRefusedError) as caught:
            await following.follow(Portal().token(clock.now()), address=None)
        assert caught.value.reason == "wrong-issuer"


async def test_a_link_for_another_region_is_left_to_its_gateway(tmp_path: Path) -> None:
    gateways = "us=https://us.example.com, emea=https://emea.example.com/transfer/"
    settings = settings_of(
        tmp_path,
        region="us",
        region_gateways=gateways,
        launch_issuer=ISSUER,
        launch_audience=AUDIENCE,
        launch_keys_file=tmp_path / "keys.pem",
        launch_roles="designated,analyst",
    )
    portal, clock = Portal(), MovableClock()
    (tmp_path / "keys.pem").write_bytes(portal.pem)
    await asyncio.to_thread(upgrade, database_url(settings))
    async with open_parts(settings, clock=clock) as parts:
        following = launches(parts, portal_keys(settings, clock))
        link = portal.token(clock.now(), region="EMEA", role="analyst", without="case")
        with pytest.raises(LaunchElsewhereError) as caught:
            await following.follow(link, address=None)
        assert caught.value.gateway == "https://emea.example.com/transfer"
        ours = portal.token(clock.now(), region="us", role="analyst", without="case")
        assert (await following.follow(ours, address=None)).session.role is Role.ANALYST


async def test_keys_at_a_url_are_not_fetched_before_they_are_needed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, launch_jwks_url="https://portal.example.com/jwks.json")
    keys = portal_keys(settings, MovableClock())
    assert isinstance(keys, FetchedKeys)
    await keys.close()


@pytest.mark.parametrize("name", ["keys.pem", "nowhere.pem"])
async def test_a_file_without_keys_stops_the_start(tmp_path: Path, name: str) -> None:
    settings = settings_of(tmp_path, launch_keys_file=tmp_path / name)
    with pytest.raises(SettingsError, match="LAUNCH_KEYS_FILE"):
        portal_keys(settings, MovableClock())
