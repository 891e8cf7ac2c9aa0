"""What every server under measurement has in common: ours and its peers alike."""

import re
import shutil
import socket
import sys
from abc import ABC, abstractmethod
from pathlib import Path

import psutil

from bench.processes import BenchError, Process
from bench.sftp_client import SftpTarget
from bench.stores import Store
from bench.tus_client import HttpTarget, Uploaded
from bench.workplace import Workplace


class Server(ABC):
    """A server that is started fresh for a scenario, and stopped and wiped after it."""

    name: str
    slow_clients = 0
    """How many clients crawl beside those that are timed, where the exercise is about that."""

    clients = 1
    """How many clients come at once, where the exercise is about that."""

    def __init__(self, place: Workplace, store: Store | None, *, tls: bool = False) -> None:
        self.place = place
        self.tls = tls
        self._store = store
        self._process: Process | None = None

    @staticmethod
    @abstractmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""

    @staticmethod
    @abstractmethod
    def version() -> str:
        """Return what exactly is measured."""

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it serves."""

    def stop(self) -> None:
        """Stop it and remove its files."""
        if self._process:
            self._process.stop()
        self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def family(self) -> list[psutil.Process]:
        """Return the processes whose cost is its own; never those of a store."""
        return self._process.family(without=("weed",)) if self._process else []

    def http(self) -> HttpTarget:
        """Return where to send by HTTP."""
        raise BenchError(f"{self.name} has no HTTP")

    def offer(self, _source: Path) -> Uploaded | None:
        """Have a file ready for download without uploading it; None if it must be uploaded."""
        return None

    def sftp(self) -> SftpTarget:
        """Return where to send by SFTP."""
        raise BenchError(f"{self.name} has no SFTP")

    @property
    def slug(self) -> str:
        """Its name, as folders and buckets may be called."""
        return re.sub(r"[^a-z]+", "-", self.name.lower()).strip("-")

    @property
    def store(self) -> Store:
        """The S3 below it."""
        if self._store is None:
            raise BenchError(f"{self.name} was given no store")
        return self._store

    @property
    def _folder(self) -> Path:
        return self.place.scratch / self.slug

    def _fresh_folder(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        return self._folder


def listens(port: int) -> bool:
    """Return whether somebody accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def installed(command: str) -> Path | None:
    """Return a command that a wheel put beside the interpreter, if it is there."""
    path = Path(sys.executable).with_name(command)
    return path if path.exists() else None
