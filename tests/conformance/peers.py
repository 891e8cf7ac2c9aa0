"""The servers that this project's is compared with, run as their documentation says."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.npm_packages import installed
from tests.programs import program
from transfer.clock import SystemClock

HERE = Path(__file__).parent
_START_SECONDS = 30.0
_clock = SystemClock()


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server that runs, and how the suite is told about it."""

    name: str
    options: Sequence[str]
    folder: Path | None = None

    @property
    def crashes(self) -> int:
        """How often it has ended and was started again."""
        return (self.folder / "log").read_text().count("crashed\n") if self.folder else 0

    @property
    def described(self) -> str:
        """What it is, and whether it has borne all that it was asked."""
        crashes = self.crashes
        return self.name + (f"; crashed and was started again, {crashes} x" if crashes else "")


@contextmanager
def node_server(cache: Path, folder: Path) -> Iterator[Peer]:
    """Run @tus/server with its file store."""
    packages = installed(cache, HERE / "package.json", HERE / "peer.mjs")
    wanted = json.loads((packages / "package.json").read_bytes())["dependencies"]
    for path in ("files", "brief"):
        (folder / path).mkdir()
    node, port = program("node"), _free_port()
    version = subprocess.check_output([node, "--version"], text=True).strip()  # noqa: S603 - node
    settings = {"CONFORMANCE_PEER": json.dumps({"folder": str(folder), "port": port})}
    with _running([node, str(packages / "peer.mjs")], port, folder, settings):
        stores = ", ".join(f"{name} {wanted[name]}" for name in sorted(wanted, reverse=True))
        url = f"http://127.0.0.1:{port}/files"
        yield Peer(
            name=f"{stores}, Node.js {version}",
            options=("--server-url", url, "--server-expiring", "/brief"),
            folder=folder,
        )


@contextmanager
def tusd(binary: Path, version: str, folder: Path) -> Iterator[Peer]:
    """Run tusd with its file store and its draft of RUFH."""
    port = _free_port()
    words = (
        *(str(binary), "-host", "127.0.0.1", "-port", str(port), "-base-path", "/files/"),
        *("-upload-dir", str(folder / "uploads"), "-max-size", str(2**40)),
        "-enable-experimental-protocol",
    )
    with _running(words, port, folder, {}):
        url = f"http://127.0.0.1:{port}/files/"
        yield Peer(name=f"tusd {version}", options=("--server-url", url))


@contextmanager
def _running(
    words: Sequence[str], port: int, folder: Path, settings: Mapping[str, str]
) -> Iterator[None]:
    """Run a server until the block ends; what it says goes to a file."""
    path = os.environ.get("PATH", "")  # noqa: TID251 - where programs are
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a peer that was asked for
            words,
            cwd=folder,
            env={"PATH": path, "HOME": str(folder), **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = _clock.monotonic() + _START_SECONDS
        while not _listens(port):
            is_late = _clock.monotonic() > deadline or process.poll() is not None
            assert not is_late, (folder / "log").read_text()
        yield
    finally:
        process.kill()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
