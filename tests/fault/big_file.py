"""A big file that nobody keeps in memory, and clients that send it to a running service."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from tusclient.client import TusClient
from tusclient.uploader.uploader import Uploader

from tests.service import Service
from transfer.clock import SystemClock

MIB = 1 << 20
CHUNK_BYTES = 16 * MIB
_BLOCK_BYTES = 4 * MIB


def make_file(path: Path, size_bytes: int) -> str:
    """Write `size_bytes` that don't repeat, and return their SHA-256."""
    digest = hashlib.sha256()
    block = bytearray(hashlib.shake_256(b"seed").digest(_BLOCK_BYTES))
    with path.open("wb") as file:
        for number in range(-(-size_bytes // _BLOCK_BYTES)):
            block[:8] = number.to_bytes(8, "big")
            piece = block[: min(_BLOCK_BYTES, size_bytes - number * _BLOCK_BYTES)]
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


class CaseApi:
    """What a customer's scripts ask of the HTTP door."""

    def __init__(self, service: Service, token: str | None = None) -> None:
        self.service = service
        self._headers = {"Authorization": f"Bearer {token or service.customer_token}"}
        self._verify = str(service.certificate)

    @contextmanager
    def tus(self, upload_url: str | None, path: Path) -> Iterator[Uploader]:
        """Give tuspy's uploader of `path`, for a new upload or one that was begun.

        tuspy takes no certificate to trust: it is named to `requests` below it.
        """
        url = f"{self.service.url}/api/v1/cases/{self.service.case}/uploads"
        with path.open("rb") as file, pytest.MonkeyPatch.context() as patch:
            patch.setenv("REQUESTS_CA_BUNDLE", self._verify)
            yield TusClient(url, headers=self._headers).uploader(
                file_stream=file,
                chunk_size=CHUNK_BYTES,
                url=upload_url,
                metadata={"filename": path.name},
            )

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        answer = requests.get(
            f"{self.service.url}/api/v1/{path}",
            headers=self._headers,
            verify=self._verify,
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()

    def files(self) -> dict[str, Any]:
        """Return the files and uploads of the demo case, by path."""
        listing = self.get(f"cases/{self.service.case}/files")
        return {entry["path"]: entry for entry in [*listing["files"], *listing["uploads"]]}

    def sha256_of(self, file_id: str) -> str:
        """Download a file and return its SHA-256."""
        digest = hashlib.sha256()
        with requests.get(
            f"{self.service.url}/api/v1/files/{file_id}/content",
            headers=self._headers,
            verify=self._verify,
            stream=True,
            timeout=60,
        ) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_content(MIB):
                digest.update(chunk)
        return digest.hexdigest()


@contextmanager
def peak_memory(service: Service) -> Iterator[Callable[[], int]]:
    """Watch the service's processes, SeaweedFS apart; the result returns their peak RSS, bytes."""
    peak, stop = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.1):
            total = 0
            for process in service.family():
                try:
                    if "weed" not in process.name():
                        total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            peak = max(peak, total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: peak
    finally:
        stop.set()
        thread.join()


def wait_until(what: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for `what`, which comes about by itself."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while not what():
        assert clock.monotonic() < deadline, "it did not come about in time"
        threading.Event().wait(0.05)
