"""`transfer verify`, `sweep` and `check-config --apply-bucket`, with a service and without."""

import base64
import json
import random
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.service import TRANSFER, Service, environment
from transfer.clock import SystemClock

pytestmark = pytest.mark.e2e

CONTENT = random.Random(6).randbytes(300_000)
_clock = SystemClock()


def send(service: Service, name: str, content: bytes) -> None:
    """Send a file in one request."""
    answer = requests.post(
        f"{service.url}/api/v1/cases/{service.case}/uploads",
        data=content,
        headers={
            "Authorization": f"Bearer {service.customer_token}",
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(content)),
            "Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}",
            "Content-Type": "application/offset+octet-stream",
        },
        verify=str(service.certificate),
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["Upload-Offset"] == str(len(content))


def flip_a_byte(folder: Path, content: bytes) -> None:
    """Change one bit of `content` wherever the store's own files have it."""
    needle = content[len(content) // 2 :][:64]
    places = 0
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        stored = path.read_bytes()
        at = stored.find(needle)
        if at >= 0:
            with path.open("r+b") as file:
                file.seek(at)
                file.write(bytes([stored[at] ^ 1]))
            places += 1
    assert places, "the store keeps it in another form"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.timeout(300)  # SeaweedFS takes 13 s to say that it can't read something
def test_a_byte_that_was_flipped_in_the_stores_own_file_is_found(
    start_service: Callable[..., Service],
) -> None:
    port = free_port()
    service = start_service(metrics_listen=f"127.0.0.1:{port}")
    send(service, "core.1", CONTENT)
    send(service, "app.log", b"a line\n" * 1000)
    applied = service.cli_json("check-config", "--apply-bucket")["bucket"]
    assert applied["abort_incomplete_after_days"] == 97
    swept = service.cli_json("sweep", "run")
    assert (swept["ended"], swept["strays"], swept["missing"]) == (["strays", "losses"], 0, 0)
    assert swept["checked"] == 2
    shown = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    assert 'transfer_store_findings{kind="missing"} 0.0' in shown

    service.stop()
    flip_a_byte(service.data, CONTENT)
    found = service.cli("verify", "--json", status=1)
    assert "1 of 2 files" in found.stderr
    listed = service.cli_json("sweep", "list")["findings"]
    assert [(one["kind"], one["case"]) for one in listed] == [("damaged", service.case)]
    assert json.loads(found.stdout)["damaged"][0]["file_id"] == listed[0]["file_id"]


def test_killed_it_goes_on_where_it_was(running_service: Service) -> None:
    service = running_service
    for number in range(70):
        send(service, f"{number}.bin", random.Random(number).randbytes(20_000))
    verifying = subprocess.Popen(  # noqa: S603 - our own command
        [str(TRANSFER), "verify", "--rate", "256KiB", "--data", str(service.data)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_under_way(service.data / "records.db", verifying)
        verifying.send_signal(signal.SIGKILL)
    finally:
        verifying.kill()
        verifying.wait(10)
    done = service.cli_json("verify")
    assert (done["resumed"], done["files"], done["problems"]) == (True, 70, 0)
    assert done["size"] == 70 * 20_000


def wait_until_under_way(database: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a first page of files is done, and not all of them."""
    deadline = _clock.monotonic() + 60
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        row: Any = None
        while not row or not row[0]:
            assert _clock.monotonic() < deadline
            assert process.poll() is None, "it was too fast"
            row = connection.execute("SELECT cursor FROM rereads").fetchone()
    finally:
        connection.close()
