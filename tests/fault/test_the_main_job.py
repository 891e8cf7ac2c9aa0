"""The main job, with everything going wrong on the way: nothing lost, nothing sent twice.

Each runs with a file of some parts, and (opt-in, `make slow`) with one of 3 GiB.
"""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from tusclient.exceptions import TusCommunicationError

from tests.cutting_proxy import cutting_proxy
from tests.fault.big_file import CHUNK_BYTES, MIB, CaseApi, make_file, peak_memory, wait_until
from tests.openssh import OpenSsh
from tests.service import Service

pytestmark = pytest.mark.fault

SIZES = [
    pytest.param(150 * MIB + 12345, id="some-parts"),
    pytest.param(3 << 30, id="3-GiB", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
]
PART_BYTES = 16 * MIB


class Sender:
    """Sends a file with tuspy from a thread, and starts again where it stood when it is cut."""

    def __init__(self, api: CaseApi, path: Path) -> None:
        self.sent_bytes = 0
        self.upload_url: str | None = None
        self._api = api
        self._path = path
        self._size = path.stat().st_size

    def send(self, until: int | None = None) -> bool:
        """Send chunk after chunk up to `until`; False when the server went away."""
        try:
            with self._api.tus(self.upload_url, self._path) as uploader:
                if uploader.url is None:
                    uploader.set_url(uploader.create_url())
                self.upload_url = uploader.url
                while uploader.offset < (until or self._size):
                    self.sent_bytes += min(CHUNK_BYTES, self._size - uploader.offset)
                    uploader.upload_chunk()  # type: ignore[no-untyped-call]  # tuspy's
        except (TusCommunicationError, requests.RequestException):
            return False
        return True


@pytest.mark.parametrize("size", SIZES)
def test_a_server_killed_three_times_on_the_way_loses_nothing(
    start_service: Callable[..., Service], tmp_path: Path, size: int
) -> None:
    path = tmp_path / "trace.log"
    sha256 = make_file(path, size)
    service = start_service()
    sender = Sender(CaseApi(service), path)
    with peak_memory(service) as peak:
        for number in (1, 2, 3):
            thread = threading.Thread(target=sender.send)
            before = sender.sent_bytes
            thread.start()
            wait_until(lambda: sender.sent_bytes > before + size // 8, 300)  # noqa: B023 - this round's
            service.kill_9()
            thread.join(60)
            assert not thread.is_alive()
            assert sender.sent_bytes < size + number * (CHUNK_BYTES + PART_BYTES), "it was done"
            service.start()
        assert sender.send()
    file = CaseApi(service).files()["trace.log"]
    assert (file["state"], file["size"], file["sha256"]) == ("received", size, sha256)
    assert CaseApi(service).sha256_of(file["id"]) == sha256
    re_sent = sender.sent_bytes - size
    assert re_sent <= 3 * (CHUNK_BYTES + PART_BYTES), f"{re_sent} bytes were sent again"
    assert peak() < 400 * MIB, f"peak RSS {peak() / MIB:.0f} MiB"


@pytest.mark.parametrize("size", SIZES)
async def test_a_put_that_is_cut_twice_is_finished_by_reput(
    start_service: Callable[..., Service], tmp_path: Path, size: int
) -> None:
    sha256 = await asyncio.to_thread(make_file, tmp_path / "trace.log", size)
    service = await asyncio.to_thread(start_service)
    api, account = CaseApi(service), service.account()
    host, port = service.sftp
    async with cutting_proxy(port, host) as proxy:
        client = OpenSsh(account["username"], account["password"], proxy.port, tmp_path)
        for verb in ("put", "reput"):
            proxy.cut_after(size // 3)
            outcome = await client.sftp(f"{verb} trace.log", seconds=900)
            assert outcome.code != 0
            await asyncio.to_thread(
                wait_until, lambda: api.files()["trace.log"]["state"] == "interrupted"
            )
        before = proxy.sent_bytes
        stood = api.files()["trace.log"]["offset"]
        outcome = await client.sftp("reput trace.log", seconds=900)
        assert outcome.code == 0, outcome.output
        rest = size - stood
        assert proxy.sent_bytes - before < rest * 1.02 + 65536, "more than the rest was sent"
    file = await asyncio.to_thread(lambda: api.files()["trace.log"])
    assert (file["state"], file["sha256"]) == ("received", sha256)
    assert await asyncio.to_thread(api.sha256_of, file["id"]) == sha256


@pytest.mark.parametrize("size", SIZES)
async def test_what_sftp_began_tus_finishes(
    start_service: Callable[..., Service], tmp_path: Path, size: int
) -> None:
    path = tmp_path / "trace.log"
    sha256 = await asyncio.to_thread(make_file, path, size)
    service = await asyncio.to_thread(start_service)
    api, account = CaseApi(service), service.account()
    host, port = service.sftp
    async with cutting_proxy(port, host) as proxy:
        client = OpenSsh(account["username"], account["password"], proxy.port, tmp_path)
        proxy.cut_after(size // 2)
        await client.sftp("put trace.log", seconds=900)
    await asyncio.to_thread(wait_until, lambda: api.files()["trace.log"]["state"] == "interrupted")
    begun = api.files()["trace.log"]
    assert 0 < begun["offset"] < size

    def finish() -> None:
        with path.open("rb") as file:
            file.seek(begun["offset"])
            answer = requests.patch(
                f"{service.url}/api/v1/uploads/{begun['id']}",
                headers={
                    "Authorization": f"Bearer {service.customer_token}",
                    "Tus-Resumable": "1.0.0",
                    "Upload-Offset": str(begun["offset"]),
                    "Upload-Length": str(size),
                    "Content-Type": "application/offset+octet-stream",
                },
                data=file,
                verify=str(service.certificate),
                timeout=900,
            )
        assert answer.status_code == 204, answer.text

    await asyncio.to_thread(finish)
    file = api.files()["trace.log"]
    assert (file["state"], file["sha256"]) == ("received", sha256)


@pytest.mark.parametrize("size", SIZES)
async def test_what_tus_began_sftp_finishes(
    start_service: Callable[..., Service], tmp_path: Path, size: int
) -> None:
    path = tmp_path / "trace.log"
    sha256 = await asyncio.to_thread(make_file, path, size)
    service = await asyncio.to_thread(start_service)
    api, account = CaseApi(service), service.account()
    assert await asyncio.to_thread(Sender(api, path).send, size // 2)
    _, port = service.sftp
    client = OpenSsh(account["username"], account["password"], port, tmp_path)
    outcome = await client.sftp("reput trace.log", seconds=900)
    assert outcome.code == 0, outcome.output
    file = api.files()["trace.log"]
    assert (file["state"], file["sha256"]) == ("received", sha256)
    assert await asyncio.to_thread(api.sha256_of, file["id"]) == sha256
