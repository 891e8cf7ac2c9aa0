"""The real service for tests: a process tree of its own on free ports, ended whatever happens."""

import json
import os
import select
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from transfer.clock import SystemClock

TRANSFER = Path(sys.executable).with_name("transfer")
START_SECONDS = 90.0
"""Generous: the machine may be busy. A start takes two or three seconds when it isn't."""

_clock = SystemClock()


def environment(**settings: str) -> dict[str, str]:
    """Return what a child needs, what coverage wants of it, and `settings` without their prefix."""
    caller = os.environ  # noqa: TID251 - a child gets no settings of the caller's by accident
    kept = {
        name: value
        for name, value in caller.items()
        if name in ("PATH", "HOME", "LANG", "TMPDIR") or name.startswith(("COVERAGE_", "COV_"))
    }
    return {**kept, **{f"TRANSFER_{name.upper()}": value for name, value in settings.items()}}


LISTEN = {
    "serve": ("--http", "127.0.0.1:0", "--sftp", "127.0.0.1:0"),
    "http": ("--http", "127.0.0.1:0"),
    "sftp": ("--sftp", "127.0.0.1:0"),
    "worker": (),
}
"""Free ports for each command that stays."""


class Service:
    """A service as an operator runs it: `transfer serve` and the other commands on one folder.

    `command` may be `http`, `sftp` or `worker` instead, beside a service on the folder `data`.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        command: str = "serve",
        data: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data or folder / "data"
        self.log_path = folder / f"{command}.log"
        self.settings = settings or {}
        self.ready: dict[str, Any] = {}
        self._command_name = command
        self._options = options
        self._listen = LISTEN[command]
        self._process: subprocess.Popen[bytes] | None = None
        self._family: list[psutil.Process] = []

    # ── Where it is ──────────────────────────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        """The URL of the HTTP door."""
        return str(self.ready["http_url"])

    @property
    def sftp(self) -> tuple[str, int]:
        """Host and port of the SFTP door."""
        return str(self.ready["sftp_host"]), int(self.ready["sftp_port"])

    @property
    def certificate(self) -> Path:
        """What a client has to trust."""
        return Path(self.ready["certificate"])

    @property
    def tls(self) -> ssl.SSLContext:
        """A context that trusts the service."""
        return ssl.create_default_context(cafile=str(self.certificate))

    @property
    def case(self) -> str:
        """The demo case's number."""
        return str(self.ready["demo"]["case"])

    @property
    def customer_token(self) -> str:
        """The demo customer's token, of this start."""
        return str(self.ready["demo"]["customer_token"])

    @property
    def analyst_token(self) -> str:
        """The demo analyst's token, of this start."""
        return str(self.ready["demo"]["analyst_token"])

    @property
    def announced(self) -> dict[str, Any]:
        """What the service says of itself in its folder."""
        content: dict[str, Any] = json.loads((self.data / "service.json").read_bytes())
        return content

    @property
    def log(self) -> str:
        """All that it has written to its standard error, over all starts."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    # ── Its life ─────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start it and wait until it serves; on the ports of the last time, if there was one."""
        self.spawn("--json")
        self.ready = json.loads(self.read_until(b"\n"))
        if self._command_name == "serve":
            host, port = self.sftp
            self._listen = ("--http", self.url.partition("//")[2], "--sftp", f"{host}:{port}")
            if self.ready["demo"]:
                self.acknowledge(self.customer_token, self.case)
        self._family = self.family()

    def acknowledge(self, token: str, case: str) -> None:
        """Acknowledge the warning about sensitive data, as customers do before they send files."""
        url = f"{self.url}/api/v1/cases/{case}/acknowledgement"
        headers = {"Authorization": f"Bearer {token}"}
        certificate = self.ready.get("certificate") or self.settings.get("tls_cert_file", False)
        shown = requests.get(url, headers=headers, verify=certificate, timeout=30)
        shown.raise_for_status()
        body = {"version": shown.json()["version"]}
        accepted = requests.post(url, headers=headers, json=body, verify=certificate, timeout=30)
        accepted.raise_for_status()

    def spawn(self, *options: str) -> None:
        """Start it, and wait for nothing."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._words(self._command_name, *self._listen, *self._options, *options),
                env=environment(**self.settings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def read_until(self, ending: bytes) -> bytes:
        """Return what it prints, up to `ending`."""
        pipe = self._running.stdout
        assert pipe is not None
        printed, deadline = b"", _clock.monotonic() + START_SECONDS
        while not printed.endswith(ending):
            left = max(0.0, deadline - _clock.monotonic())
            assert select.select([pipe], [], [], left)[0], f"not ready in time: {self.log}"
            more = os.read(pipe.fileno(), 65536)
            assert more, f"ended with status {self._running.wait()}: {self.log}"
            printed += more
        return printed

    def family(self) -> list[psutil.Process]:
        """Return its processes that live: the first, members of its crew, the embedded store."""
        try:
            first = psutil.Process(self._running.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the first process."""
        self._running.send_signal(number)

    def wait(self, seconds: float = 10.0) -> int:
        """Wait until it has ended, and return its status."""
        status = self._running.wait(seconds)
        self._close_pipe()
        return status

    def stop(self, seconds: float = 10.0) -> int:
        """Have it end by SIGTERM, and return its status."""
        self._family = self.family()
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill_9(self) -> None:
        """Kill the first process without warning; the kernel ends the others."""
        self._family = self.family()
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self) -> None:
        """Stop it, if it runs, and start it on the same ports."""
        if self._running.poll() is None:
            self.stop()
        self.start()

    def left_over(self, seconds: float = 5.0) -> list[psutil.Process]:
        """Return the processes of the last family that are still there after a moment."""
        _, alive = psutil.wait_procs(self._family, timeout=seconds)
        return [process for process in alive if not _is_zombie(process)]

    def end(self) -> None:
        """Leave nothing behind, whatever has happened."""
        if self._process is None:
            return
        for process in {*self._family, *self.family()}:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(10)
        self._close_pipe()
        psutil.wait_procs(self._family, timeout=10)

    # ── The command line ─────────────────────────────────────────────────────────────────────

    def cli(self, *words: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command on its folder, to its end; it must leave with `status`."""
        done = subprocess.run(  # noqa: S603 - our own command
            self._words(*words),
            env=environment(**self.settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
        return done

    def cli_json(self, *words: str) -> dict[str, Any]:
        """Run a command with --json and return what it printed."""
        printed: dict[str, Any] = json.loads(self.cli(*words, "--json").stdout)
        return printed

    def token(self, role: str, *options: str) -> str:
        """Issue a bearer token."""
        return self.cli("token", "issue", "--role", role, *options).stdout.strip()

    def account(self, case: str | None = None) -> dict[str, Any]:
        """Issue an SFTP account, for the demo case unless another is named."""
        return self.cli_json("account", "issue", "--case", case or self.case)

    def _words(self, *words: str) -> list[str]:
        return [str(TRANSFER), *words, "--data", str(self.data)]

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was never started"
        return self._process

    def _close_pipe(self) -> None:
        if self._running.stdout is not None:
            self._running.stdout.close()


def _is_zombie(process: psutil.Process) -> bool:
    """Whether it has ended, and only its parent, who may not care, hasn't taken note."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Return what starts a service: a `Service` with these options and settings, by name."""
    services: list[Service] = []

    def start(
        *options: str, command: str = "serve", data: Path | None = None, **settings: str
    ) -> Service:
        folder = tmp_path / f"service{len(services)}"
        folder.mkdir()
        services.append(Service(folder, *options, command=command, data=data, settings=settings))
        services[-1].start()
        return services[-1]

    try:
        yield start
    finally:
        for service in services:
            service.end()


@pytest.fixture
def running_service(start_service: Callable[..., Service]) -> Service:
    """Return a service that runs with nothing but defaults."""
    return start_service()
