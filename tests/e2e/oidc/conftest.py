import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from socket import socket

import aiohttp
import pytest

from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.oidc.browser import Browser
from tests.e2e.oidc.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcServer, installed
from tests.engine_room import EngineRoom
from transfer.clock import SystemClock
from transfer.core.identity import StaffGroups
from transfer.engine.oidc import OidcPolicy, StaffSignIn
from transfer.http.oidc import CALLBACK_PATH, STAFF_PATH
from transfer.http.policy import HttpPolicy
from transfer.http.server import bound_sockets
from transfer.identity.client import JsonClient
from transfer.identity.provider import OidcProvider, ProviderAccess
from transfer.records.migrate import upgrade

STAFF = StaffGroups(analysts=frozenset({"care"}), admins=frozenset({"ops"}))


@pytest.fixture(scope="session")
def packages(request: pytest.FixtureRequest) -> Path:
    """The provider's npm packages, kept between runs."""
    cache = request.config.cache
    assert cache is not None
    return installed(cache.mkdir("oidc-provider"))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "records.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def listeners() -> list[socket]:
    """Where the service will listen: the provider has to know that first."""
    return bound_sockets("127.0.0.1", 0)


@pytest.fixture
def provider(packages: Path, tmp_path: Path, listeners: list[socket]) -> Iterator[OidcServer]:
    port = listeners[0].getsockname()[1]
    server = OidcServer(
        packages=packages,
        folder=tmp_path,
        port=free_port(),
        redirect_uri=f"http://127.0.0.1:{port}{CALLBACK_PATH}",
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(bound_sockets("127.0.0.1", 0)[0]) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
async def room(
    tmp_path: Path, migrated: Path, provider: OidcServer, listeners: list[socket]
) -> AsyncIterator[HttpRoom]:
    """The HTTP door with sign-in of staff at the provider; its clock tells the real time."""
    shutil.copy(migrated, tmp_path / "records.db")
    client = JsonClient(timeout=timedelta(seconds=10))

    def staff(room: EngineRoom) -> StaffSignIn:
        room.clock.set(SystemClock().now(), backwards=True)
        access = ProviderAccess(
            issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        )
        return StaffSignIn(
            room.tools,
            OidcProvider(access, client, room.clock),
            attempts=room.attempts,
            sessions=room.sessions,
            policy=OidcPolicy(
                client_id=CLIENT_ID,
                redirect_uri=provider.redirect_uri,
                groups=STAFF,
                scopes=("openid", "profile", "groups"),
            ),
        )

    policy = HttpPolicy(
        public_url=provider.redirect_uri.removesuffix(CALLBACK_PATH), staff_sign_in=STAFF_PATH
    )
    try:
        async with http_room(
            tmp_path, policy=policy, running=True, listeners=listeners, staff=staff
        ) as made:
            yield made
    finally:
        await client.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def browser(session: aiohttp.ClientSession) -> Browser:
    return Browser(session)
