"""A Roundup tracker for tests: the real one, as a process of its own, and the people who use it."""

import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import requests

from transfer.clock import SystemClock

USER = "case-transfer"
PASSWORD = "let-me-in"
ADMIN = ("admin", "for-tests-only")
NOBODY = "nobody"
"""Whom the tracker runs as where the tests run as root, which it refuses to."""

DETECTOR = Path(__file__).parents[1] / "docs/roundup/closed_at.py"
_STATUS = 'status=Link("status"))'
_WITH_OURS = 'status=Link("status"), account=String(), area=String(), closed_at=Date())'
FIELDS = {"account": "account", "region": "area"}
"""What the tracker's own properties are to us, beside the usual ones."""

_START_SECONDS = 60.0
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONPATH": str(distribution("roundup").locate_file("")),
}
_clock = SystemClock()


@dataclass(kw_only=True)
class Tracker:
    """A running tracker, as people use it by its REST interface."""

    url: str
    server: "subprocess.Popen[bytes]"
    database: Path
    _session: requests.Session = field(default_factory=requests.Session)

    def open(self, title: str, **properties: str) -> str:
        """Open a ticket and return its id."""
        made = self.ask("POST", "issue", json={"title": title, "status": "unread", **properties})
        return str(made["id"])

    def change(self, ticket: str, **properties: object) -> None:
        """Change properties of a ticket."""
        etag = self.ask("GET", f"issue/{ticket}")["@etag"]
        self.ask("PUT", f"issue/{ticket}", json=properties, headers={"If-Match": etag})

    def properties(self, ticket: str) -> dict[str, Any]:
        """Return what a ticket says, with the names of what it links to."""
        fields = {"@fields": "title,status.name,closed_at,activity"}
        told: dict[str, Any] = self.ask("GET", f"issue/{ticket}", params=fields)["attributes"]
        return told

    def texts(self, ticket: str) -> list[str]:
        """Return the messages on a ticket, in order."""
        told = self.ask("GET", f"issue/{ticket}", params={"@verbose": "0", "@fields": "messages"})
        return [
            self.ask("GET", f"msg/{one}", params={"@verbose": "3"})["attributes"]["content"]
            for one in told["attributes"]["messages"]
        ]

    def attach_again(self, ticket: str) -> None:
        """Attach all messages of a ticket once more, as two changes of one moment may do."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            connection.execute(
                "INSERT INTO issue_messages (linkid, nodeid)"
                " SELECT linkid, nodeid FROM issue_messages WHERE nodeid = ?",
                (int(ticket),),
            )

    def ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - requests' own
        """Send what an administrator may, and return the data of the answer."""
        headers = {
            "X-Requested-With": "rest",
            "Origin": self.url.rsplit("/", 2)[0],
            **given.pop("headers", {}),
        }
        answer = self._session.request(
            method,
            f"{self.url}rest/data/{path}",
            auth=ADMIN,
            headers=headers,
            timeout=30,
            **given,
        )
        assert answer.ok, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    @contextmanager
    def away(self) -> Iterator[None]:
        """Have it take connections, and answer nothing."""
        os.killpg(self.server.pid, signal.SIGSTOP)  # it has a process for each connection
        try:
            yield
        finally:
            os.killpg(self.server.pid, signal.SIGCONT)

    def close(self) -> None:
        """Close the connections of the people."""
        self._session.close()


@contextmanager
def roundup_tracker() -> Iterator[Tracker]:
    """Make a tracker of the classic template with what cases need, and run it."""
    # Not where pytest keeps things: nobody else may look in there.
    folder = Path(tempfile.mkdtemp(prefix="roundup-"))
    server = None
    try:
        if os.getuid() == 0:
            shutil.chown(folder, NOBODY)
        port = _free_port()
        url = f"http://127.0.0.1:{port}/t/"
        _make(folder, url)
        with (folder / "server.log").open("ab") as log:
            words = ("-n", "127.0.0.1", "-p", str(port), "t=tracker")
            server = _start("roundup_server", *words, folder=folder, output=log.fileno())
        _wait_for(port, server, folder / "server.log")
        database = folder / "tracker/db/db"
        with closing(Tracker(url=url, server=server, database=database)) as tracker:
            yield tracker
    finally:
        if server is not None:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, url: str) -> None:
    settings = {
        "tracker_web": url,
        "timezone": "5",  # whose times must not be taken for UTC
        "mail_domain": "example.invalid",
        "mail_host": "127.0.0.1",
        "mail_debug": str(folder / "mail.out"),
        "admin_email": "admin@example.invalid",
        "password_pbkdf2_default_rounds": "1000",  # it is verified with each request
    }
    given = ",".join(f"{name}={value}" for name, value in settings.items())
    _admin(folder, "install", "classic", "sqlite", given)
    schema = folder / "tracker" / "schema.py"
    text = schema.read_text("utf-8")
    assert _STATUS in text, "the template is another one"
    schema.write_text(text.replace(_STATUS, _WITH_OURS), "utf-8")
    shutil.copy(DETECTOR, folder / "tracker" / "detectors")
    _admin(folder, "initialise", ADMIN[1])
    _admin(folder, "create", "user", f"username={USER}", f"password={PASSWORD}", "roles=User")


def _admin(folder: Path, *words: str) -> None:
    words = ("-i", "tracker", *words)
    process = _start("roundup_admin", *words, folder=folder, output=subprocess.PIPE)
    printed, _ = process.communicate(timeout=_START_SECONDS)
    assert process.returncode == 0, printed.decode()


def _start(name: str, *words: str, folder: Path, output: int) -> "subprocess.Popen[bytes]":
    """Start a program of the tracker's: as somebody else than root, if that is who we are."""
    return subprocess.Popen(  # noqa: S603 - a tracker of our own
        [_python(), "-S", "-c", f"from roundup.scripts.{name} import run; run()", *words],
        cwd=folder,
        env={**_ENVIRONMENT, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **_whoever(),
    )


@cache
def _python() -> str:
    """Return a Python that may run the tracker: ours may be where only root can look."""
    for python in (sys.executable, "/usr/bin/python3"):
        words = [python, "-S", "-c", "import roundup.instance, sqlite3"]
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(words, env=_ENVIRONMENT, check=True, capture_output=True, **_whoever())  # noqa: S603 - a look
            return python
    if os.environ.get("CI") == "true":  # noqa: TID251 - only CI can tell that it is CI
        pytest.fail("No Python that somebody else than root can run.")
    pytest.skip("Roundup doesn't run as root, and nobody else can run a Python here.")


def _whoever() -> dict[str, Any]:
    """Return as whom the tracker runs, if not as ourselves."""
    if os.getuid() != 0:
        return {}
    return {"user": NOBODY, "group": pwd.getpwnam(NOBODY).pw_gid, "extra_groups": []}


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = _clock.monotonic() + _START_SECONDS
    while _clock.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
    raise AssertionError(f"not ready in time: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
