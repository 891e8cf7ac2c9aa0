"""The service as an operator runs it, with sign-in of staff set, over TLS of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.oidc.browser import Browser
from tests.e2e.oidc.conftest import free_port
from tests.e2e.oidc.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcServer
from tests.service import Service
from transfer.http.cookie import COOKIE

pytestmark = pytest.mark.e2e


async def test_an_analyst_signs_in_to_the_real_service_and_sees_a_case(
    packages: Path,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    start_service: Callable[..., Service],
) -> None:
    port = free_port()
    public_url = f"https://127.0.0.1:{port}"
    provider = OidcServer(
        packages=packages,
        folder=tmp_path,
        port=free_port(),
        redirect_uri=f"{public_url}/sign-in/callback",
    )
    secret = tmp_path / "secret"
    secret.write_text(f"{CLIENT_SECRET}\n")
    try:
        provider.start()
        service = start_service(
            *("--http", f"127.0.0.1:{port}"),
            public_url=public_url,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret_file=str(secret),
            oidc_scopes="openid, profile, groups",
            oidc_analyst_groups="care",
        )
        browser = Browser(session, service.tls)
        case_url = f"{public_url}/api/v1/cases/{service.case}"
        departure = await browser.get(f"{public_url}/sign-in/staff")
        form = await browser.follow(departure, until=public_url)
        form = await browser.follow(
            await browser.submit(form, login="olga", password="any"), until=public_url
        )
        if form.location is None:
            form = await browser.follow(await browser.submit(form), until=public_url)
        assert form.location
        arrived = await browser.get(form.location)
        assert (arrived.status, arrived.location) == (303, f"{public_url}/")
        shown = json.loads((await browser.get(f"{public_url}/api/v1/session")).text)
        assert (shown["name"], shown["role"]) == ("olga@example.com", "analyst")
        assert (await browser.get(case_url)).status == 200
        assert CLIENT_SECRET not in service.log
        assert browser.cookies_of(public_url)[COOKIE] not in service.log
        assert service.stop() == 0
    finally:
        provider.stop()
