"""One test a sentence: against any server by its URL, else against this project's own service."""

import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.outcomes import Result, Subject, read, result_of, write
from tests.conformance.rufh import VERSIONS, Rufh
from tests.conformance.table import failures, table, totals
from tests.conformance.tus import Tus
from tests.conformance.wire import Target
from tests.e2e.http.http_room import http_room
from tests.engine_room import NUMBER
from tests.service import Service
from transfer.engine.policy import UploadPolicy
from transfer.records.migrate import upgrade

_PREPARE_SECONDS = 120
_results: dict[str, Result] = {}
# A limit, so that it can be seen; and a pause so short that nobody waits long for a 104.
_OURS = {"max_file_bytes": "1TiB", "idle_flush": "200ms", "watch_interval": "100ms"}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "whether a server does what tus and RUFH say")
    add = group.addoption
    add("--server-url", help="the server; without it, our own is started")
    add("--server-create", help="the path of creation, if it isn't the URL's")
    add("--server-expiring", help="a path of creation whose uploads expire within seconds")
    add("--server-token", help="a bearer token that lets in")
    add("--server-ca", help="a PEM file with the certificates to trust")
    add("--server-insecure", action="store_true", help="trust any certificate")
    add("--server-prepare", help="a shell command to run first, with URL and TOKEN")
    add("--server-name", help="what to call it in the results")
    add("--outcomes", type=Path, help="where to keep the results, as JSON")


@pytest.fixture(scope="session")
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Subject]:
    """The server that the run is about."""
    url = _option(request.config, "--server-url")
    if url:
        yield _stranger(request.config, url)
        return
    service = Service(tmp_path_factory.mktemp("ours"), settings=_OURS)
    try:
        service.start()
        target = Target(
            url=service.url,
            create=f"/api/v1/cases/{service.case}/uploads",
            token=service.customer_token,
            tls=service.tls,
        )
        yield Subject(target=target, is_ours=True)
    finally:
        service.end()


@pytest.fixture
async def expiring(
    request: pytest.FixtureRequest, subject: Subject, tmp_path: Path
) -> AsyncIterator[Subject]:
    """The server once more, where uploads live for seconds only."""
    create = _option(request.config, "--server-expiring")
    if create:
        yield replace(subject, target=replace(subject.target, create=subject.target.path(create)))
    elif not subject.is_ours:
        subject.not_seen("uploads of this server live too long")
    else:
        brief = UploadPolicy(lifetime=timedelta(seconds=1))
        upgrade(f"sqlite:///{tmp_path / 'records.db'}")
        async with http_room(tmp_path, engine_policy=brief, running=True) as room:
            create, token = f"/api/v1/cases/{NUMBER}/uploads", room.tokens["designated"]
            yield replace(subject, target=Target(url=room.url, create=create, token=token))


@pytest.fixture
def tus(subject: Subject) -> Tus:
    return Tus(subject)


@pytest.fixture(params=VERSIONS, ids=[str(version or "final") for version in VERSIONS])
async def rufh(request: pytest.FixtureRequest, subject: Subject) -> Rufh:
    """A client of each version that the server speaks."""
    client = Rufh(subject, request.param)
    await client.is_understood()
    return client


@pytest.fixture
async def final(subject: Subject) -> Rufh:
    """A client of the final form, or of the newest version that the server speaks."""
    for version in reversed(VERSIONS):
        client = Rufh(subject, version)
        if await client.is_spoken():
            return client
    return subject.not_offered("RUFH")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    if isinstance(item, pytest.Function) and _is_sentence(item):
        called = getattr(item, "callspec", None)
        item.user_properties += [
            ("area", " ".join((item.module.__doc__ or "").split())),
            ("sentence", " ".join((item.function.__doc__ or "").split())),
            ("variant", called.id if called else None),
        ]
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    result = result_of(report)
    if result is not None:
        _results[report.nodeid] = result


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Keep the results where they are wanted, and name what failed."""
    path: Path | None = config.getoption("--outcomes", default=None)
    if path is None:
        return
    server = _option(config, "--server-name") or _option(config, "--server-url") or "ours"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, server, _results.values())
    _, results = read(path)
    made = f"{totals({server: results})}\n\n{table({server: results})}\n"
    path.with_suffix(".md").write_text(made)
    terminalreporter.section("conformance")
    terminalreporter.line(totals({server: results}))
    terminalreporter.line(failures(results))
    terminalreporter.line(f"All sentences: {path} and {path.with_suffix('.md')}")


def _is_sentence(item: pytest.Function) -> bool:
    return item.path.parent == Path(__file__).parent


def _option(config: pytest.Config, name: str) -> str | None:
    """Return an option; those of this folder aren't there if pytest came here on its way."""
    value = config.getoption(name, default=None)
    return None if value is None else str(value)


def _stranger(config: pytest.Config, url: str) -> Subject:
    token = _option(config, "--server-token")
    prepare = _option(config, "--server-prepare")
    if prepare:
        caller = dict(os.environ)  # noqa: TID251 - the command is the caller's own
        subprocess.run(  # noqa: S602 - that it is a shell's is the point
            prepare,
            shell=True,
            check=True,
            timeout=_PREPARE_SECONDS,
            env={**caller, "URL": url, "TOKEN": token or ""},
        )
    tls = ssl.create_default_context(cafile=_option(config, "--server-ca"))
    if config.getoption("--server-insecure", default=False):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    create = _option(config, "--server-create") or ""
    path = Target(url=url, create="").path(create)
    return Subject(target=Target(url=url, create=path, token=token, tls=tls), is_ours=False)
