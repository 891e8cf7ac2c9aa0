"""The embedded store, as the real server."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from awscrt.checksums import crc64nvme

from tests.contract.storage.object_store_contract import content, some_bytes
from tests.seaweed import require_weed
from transfer.clock import SystemClock
from transfer.storage.data_folder import GRPC_OFFSET, DataFolder, EmbeddedStoreError
from transfer.storage.embedded import EmbeddedStore
from transfer.storage.s3 import S3ObjectStore

BODY = some_bytes(3_000_000)

SERVICE = """
import asyncio, signal, sys
from pathlib import Path
from transfer.clock import SystemClock
from transfer.storage.embedded import EmbeddedStore

async def main():
    async with EmbeddedStore(Path(sys.argv[1]), SystemClock()):
        print("up", flush=True)
        await asyncio.Event().wait()

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs have none
asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _with_the_wheel() -> None:
    require_weed()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Longer than the path of a socket may be.
    return tmp_path / ("long" * 30) / "data"


def servers(folder: Path) -> list[int]:
    """The process ids of the live servers whose working directory is `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # One that ended meanwhile, a zombie included, has no working directory.
        with suppress(OSError):
            name = (process / "comm").read_text().strip()
            if name == "weed" and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
    return found


def open_files(pid: int) -> list[str]:
    return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]


def listening(pid: int) -> set[tuple[str, int]]:
    """The addresses, in the kernel's hexadecimal, and the ports where a process listens."""
    links = open_files(pid)
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in links:
                address, port = local.split(":")
                found.add((address, int(port, 16)))
    return found


def arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def until_gone(folder: Path) -> None:
    async with asyncio.timeout(10):
        while servers(folder):
            await SystemClock().sleep(0.02)


@pytest.fixture
async def service(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that runs a store on `folder`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"up\n"
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()
    await until_gone(folder)


async def test_what_was_stored_is_there_after_a_restart(folder: Path) -> None:
    async with (
        EmbeddedStore(folder, SystemClock()) as settings,
        S3ObjectStore(settings) as store,
    ):
        await store.put("a", BODY, crc64nvme=crc64nvme(BODY))
    assert servers(folder) == []
    async with EmbeddedStore(folder, SystemClock()) as again, S3ObjectStore(again) as store:
        assert again == settings
        assert [item.key for item in await store.list_everything("")] == ["a"]
        assert await content(store, "a", 0, len(BODY)) == BODY


async def test_what_was_stored_is_there_after_a_kill_and_on_other_ports(folder: Path) -> None:
    embedded = EmbeddedStore(folder, SystemClock())
    async with embedded as settings, S3ObjectStore(settings) as store:
        await store.put("a", BODY, crc64nvme=crc64nvme(BODY))
        (server,) = servers(folder)
        os.kill(server, signal.SIGKILL)
        assert "ended with status -9" in await asyncio.wait_for(embedded.exited, 10)
    (folder / "ports.json").unlink()
    async with EmbeddedStore(folder, SystemClock()) as moved, S3ObjectStore(moved) as store:
        assert moved.endpoint_url != settings.endpoint_url
        assert await content(store, "a", 0, len(BODY)) == BODY


async def test_the_folder_is_private(folder: Path) -> None:
    async with EmbeddedStore(folder, SystemClock()):
        assert mode(folder) == 0o700
        assert mode(folder / "identity.json") == 0o600


async def test_the_server_listens_on_the_loopback_and_sends_no_telemetry(folder: Path) -> None:
    async with EmbeddedStore(folder, SystemClock()):
        (server,) = servers(folder)
        addresses = listening(server)
        given = arguments(server)
    assert {address for address, _ in addresses} == {"0100007F"}
    ports = {int(one.split("=")[1]) for one in given if ".port=" in one}
    # Those of the admin server may come later than the rest.
    assert {port for _, port in addresses} <= ports | {port + GRPC_OFFSET for port in ports}
    assert "-master.telemetry=false" in given


async def test_a_second_service_on_the_folder_is_refused(
    folder: Path, service: asyncio.subprocess.Process
) -> None:
    with pytest.raises(EmbeddedStoreError, match=rf"Process {service.pid} runs a service"):
        async with EmbeddedStore(folder, SystemClock()):
            pytest.fail("two servers on one folder")
    assert len(servers(folder)) == 1


async def test_the_server_shares_in_the_lock_of_its_folder(folder: Path) -> None:
    async with EmbeddedStore(folder, SystemClock()):
        (server,) = servers(folder)
        assert str(folder / "lock") in open_files(server)


async def test_the_server_dies_with_a_service_that_is_killed(
    folder: Path, service: asyncio.subprocess.Process
) -> None:
    assert len(servers(folder)) == 1
    service.kill()
    await until_gone(folder)
    async with EmbeddedStore(folder, SystemClock()):
        assert len(servers(folder)) == 1


async def test_the_server_does_not_get_the_ctrl_c_of_the_terminal(
    folder: Path, service: asyncio.subprocess.Process
) -> None:
    (server,) = servers(folder)
    assert os.getpgid(server) != os.getpgid(service.pid)
    assert os.getsid(server) != os.getsid(service.pid)
    service.send_signal(signal.SIGINT)
    await asyncio.wait_for(service.wait(), 30)
    assert servers(folder) == []


async def test_a_server_that_ignores_the_request_to_stop_is_killed(folder: Path) -> None:
    embedded = EmbeddedStore(folder, SystemClock(), stop_grace_seconds=0.2)
    async with embedded:
        (server,) = servers(folder)
        os.kill(server, signal.SIGSTOP)
    assert servers(folder) == []
    assert "status -9" in embedded.exited.result()


async def test_a_port_that_was_taken_is_replaced(folder: Path) -> None:
    async with EmbeddedStore(folder, SystemClock()) as settings:
        pass
    port = int(settings.endpoint_url.rsplit(":", 1)[1]) if settings.endpoint_url else 0
    squatter = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    async with squatter, EmbeddedStore(folder, SystemClock()) as moved:
        assert moved.endpoint_url != settings.endpoint_url


async def test_a_port_that_is_taken_at_the_last_moment_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squatter = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    taken = squatter.sockets[0].getsockname()[1]
    blind = DataFolder(folder)
    blind.prepare()
    chosen = blind.fresh_ports() | {"filer": taken}
    monkeypatch.setattr(DataFolder, "ports", lambda _: chosen)
    async with squatter, EmbeddedStore(folder, SystemClock()) as settings:
        assert settings.endpoint_url != f"http://127.0.0.1:{chosen['s3']}"


async def test_a_server_that_can_not_start_says_why(folder: Path) -> None:
    DataFolder(folder).prepare()
    (folder / "filerldb2").write_text("a file where the server wants a folder")
    with pytest.raises(EmbeddedStoreError, match=r"(?s)did not start.*filerldb2"):
        async with EmbeddedStore(folder, SystemClock()):
            pytest.fail("it started")
    assert servers(folder) == []


async def test_a_start_that_is_given_up_leaves_no_server(folder: Path) -> None:
    async def start() -> None:
        async with EmbeddedStore(folder, SystemClock(), stop_grace_seconds=0.5):
            pytest.fail("it started before it was given up")

    starting = asyncio.create_task(start())
    async with asyncio.timeout(30):
        while not servers(folder):
            await SystemClock().sleep(0.005)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert servers(folder) == []
