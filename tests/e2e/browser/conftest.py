"""A real browser before the real service.

A test asks for `room`: a case of its own in a service that all tests share, and visitors to it.
What a service has to be set up, stopped or killed for starts its own by `start_room`.

    async def test_a_file_is_listed(room: BrowserRoom) -> None:
        await room.send("trace.log", b"…")              # by the API, as the customer
        analyst = await room.visitor(Role.ANALYST)      # a browser window, signed in by the portal
        await analyst.open(f"/cases/{room.case}")
        await expect(analyst.page.get_by_text("trace.log")).to_be_visible()
        await analyst.examine("files")                  # axe and pictures: light, dark, phone

Whatever a browser complains of in its console, or a service logs as a fault, fails the test;
`visitor.complaints.expect(…)` names what a test brings about itself.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.browser.browser_room import BrowserRoom, Scene, ended_well
from tests.e2e.browser.chromium import Chromium, chromium
from tests.e2e.browser.pictures import Album
from tests.portal import AUDIENCE, ISSUER, Portal
from tests.service import Service

_HERE = Path(__file__).parent
_PATIENCE_MILLISECONDS = 30_000
"""How long something may take to show: the machine may be busy."""

expect.set_options(timeout=_PATIENCE_MILLISECONDS)

StartRoom = Callable[..., Awaitable[BrowserRoom]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is below this folder: it takes minutes, and a Chromium."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def portal() -> Portal:
    """The customers' portal: it signs the links that visitors come by."""
    return Portal()


@pytest.fixture(scope="session")
def portal_settings(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a service is told of the portal; it may send anybody here, for the tests' sake."""
    keys = tmp_path_factory.mktemp("portal") / "keys.pem"
    keys.write_bytes(portal.pem)
    return {
        "launch_issuer": ISSUER,
        "launch_audience": AUDIENCE,
        "launch_keys_file": str(keys),
        "launch_roles": "designated,read-only,analyst,admin",
    }


@pytest.fixture(scope="session")
def shared_service(
    portal_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One service for all tests that leave it as it is."""
    service = Service(tmp_path_factory.mktemp("shared"), settings=portal_settings)
    try:
        service.start()
        yield service
    finally:
        service.end()


@pytest.fixture
async def browser() -> AsyncIterator[Chromium]:
    """A browser of the test's own."""
    async with chromium() as started:
        yield started


@pytest.fixture
def album(request: pytest.FixtureRequest) -> Album:
    """Where the test's pictures are kept."""
    return Album(request.node.name)


@pytest.fixture
async def room(
    shared_service: Service, browser: Chromium, portal: Portal, album: Album
) -> AsyncIterator[BrowserRoom]:
    """A case of the test's own in the service that all share."""
    async with ended_well(Scene(shared_service, browser, portal, album)) as room:
        yield room


@pytest.fixture
async def start_room(
    browser: Chromium,
    portal: Portal,
    portal_settings: dict[str, str],
    album: Album,
    tmp_path: Path,
) -> AsyncIterator[StartRoom]:
    """Return what starts a service of the test's own, with these options and settings by name."""
    services: list[Service] = []

    async with AsyncExitStack() as stack:

        async def start(*options: str, **settings: str) -> BrowserRoom:
            folder = tmp_path / f"service{len(services)}"
            folder.mkdir()
            service = Service(folder, *options, settings={**portal_settings, **settings})
            services.append(service)
            stack.callback(service.end)
            service.start()
            scene = Scene(service, browser, portal, album)
            return await stack.enter_async_context(ended_well(scene))

        yield start
