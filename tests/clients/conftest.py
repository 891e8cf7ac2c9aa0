"""Every client against the real service: a test is a cell of the table in docs/sftp-clients.md.

A test is marked with its work, and runs once for each client that can do it. What a client can do
no longer, and what fails though it once worked, is a fault: see tests/unit/test_client_table.py.
The table is written by `make clients`, when every client was there and nothing failed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.client import Client
from tests.clients.clients import CLIENTS
from tests.clients.room import CaseRoom
from tests.clients.table import Seen, made, parsed, updated, with_table
from tests.clients.works import Standing, Work
from tests.service import Service

_HERE = Path(__file__).parent
_DOCUMENT = _HERE.parent.parent / "docs" / "sftp-clients.md"
_seen: list[Seen] = []
_tokens: dict[Service, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("clients", "what SFTP clients can do with the service")
    group.addoption("--write-table", action="store_true", help=f"keep it in {_DOCUMENT.name}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of a work for each client that can do it."""
    work = _work_of(metafunc.definition)
    if work is None or "client_type" not in metafunc.fixturenames:
        return
    able = [
        pytest.param(
            client,
            id=client.name.replace(" ", "-"),
            marks=[pytest.mark.xfail(reason=client.fails[work])] if work in client.fails else [],
        )
        for client in CLIENTS
        if client.way(work) is not None
    ]
    metafunc.parametrize("client_type", able)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is below this folder: it takes minutes, and programs."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.clients)


# ── The service ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that leave it running."""
    yield from _running(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def frail_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that kill it, and start it again."""
    yield from _running(tmp_path_factory.mktemp("frail"))


@pytest.fixture
async def room(shared_service: Service) -> CaseRoom:
    """A case of the test's own in the service that all share."""
    return await _room(shared_service)


@pytest.fixture
async def frail_room(frail_service: Service) -> CaseRoom:
    """A case of the test's own in a service that it may kill."""
    return await _room(frail_service)


async def _room(service: Service) -> CaseRoom:
    room = CaseRoom(service=service, admin_token=_tokens[service])
    await room.open()
    return room


def _running(folder: Path) -> Iterator[Service]:
    service = Service(folder)
    try:
        service.start()
        _tokens[service] = service.token("admin")
        yield service
    finally:
        service.end()


# ── The client ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def at_hand(client_type: type[Client], request: pytest.FixtureRequest) -> type[Client]:
    """The client, once it is known to be on this machine."""
    work = _work_of(request.node)
    assert work is not None
    standing = client_type.standing(work)
    told = {"client": client_type.name, "work": work.value, "standing": standing.value}
    request.node.user_properties += [*told.items(), ("version", client_type.version())]
    return client_type


@pytest.fixture
def client(at_hand: type[Client], room: CaseRoom, tmp_path: Path) -> Client:
    """The client before the shared service."""
    return at_hand(room.login, tmp_path)


@pytest.fixture
def frail_client(at_hand: type[Client], frail_room: CaseRoom, tmp_path: Path) -> Client:
    """The client before the service that is killed."""
    return at_hand(frail_room.login, tmp_path)


# ── The table ────────────────────────────────────────────────────────────────────────────────


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take note of what a test has shown, also when another process ran it."""
    told = dict(report.user_properties)
    if report.when != "call" or "version" not in told:
        return
    if report.passed or (report.skipped and hasattr(report, "wasxfail")):
        _seen.append(
            Seen(
                client=str(told["client"]),
                version=str(told["version"]),
                work=Work(str(told["work"])),
                standing=Standing(int(str(told["standing"]))),
            )
        )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Write the table, if it was asked for and all could be seen."""
    if not config.getoption("--write-table", default=False) or not _seen:
        return
    document = _DOCUMENT.read_text()
    rows = updated(parsed(document), _seen, CLIENTS)
    written = with_table(document, made(rows, CLIENTS))
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.line(f"{_DOCUMENT.name} stays as it is: something failed")
    elif written != document:
        _DOCUMENT.write_text(written)
        terminalreporter.line(f"{_DOCUMENT.name} is new")


def _work_of(node: pytest.Item | pytest.Function) -> Work | None:
    marker = node.get_closest_marker("work")
    return None if marker is None else Work(marker.args[0])
