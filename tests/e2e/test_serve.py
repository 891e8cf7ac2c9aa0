"""`transfer serve` as a real process tree, used by real clients."""

import hashlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import aiohttp
import asyncssh
import pytest
from tusclient.client import TusClient

from tests.service import Service
from tests.ssh import connect_ssh

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MIB = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}
Start = Callable[..., Service]


def some_bytes(size: int) -> bytes:
    return random.randbytes(size)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def customer(service: Service) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=service.tls)
    async with aiohttp.ClientSession(
        service.url, connector=connector, headers=bearer(service.customer_token)
    ) as session:
        yield session


@asynccontextmanager
async def sftp(service: Service) -> AsyncIterator[asyncssh.SFTPClient]:
    account = service.account()
    async with (
        connect_ssh(
            account["host"],
            account["port"],
            username=account["username"],
            password=account["password"],
        ) as connection,
        connection.start_sftp_client() as client,
    ):
        key = connection.get_server_host_key()
        assert key is not None
        assert key.get_fingerprint() in account["fingerprints"]
        yield client


async def begin(session: aiohttp.ClientSession, service: Service, size: int) -> str:
    created = await session.post(
        f"/api/v1/cases/{service.case}/uploads",
        headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": "filename bG9n"},
    )
    assert created.status == 201
    return created.headers["Location"]


async def offset(session: aiohttp.ClientSession, location: str) -> int:
    answer = await session.head(location, headers=TUS)
    assert answer.status == 200
    return int(answer.headers["Upload-Offset"])


async def shown_offset(session: aiohttp.ClientSession, service: Service) -> int:
    """Return how far the only upload is, without ending the request that sends it."""
    listed = await (await session.get(f"/api/v1/cases/{service.case}/files")).json()
    return int(listed["uploads"][0]["offset"])


async def append(session: aiohttp.ClientSession, location: str, at: int, content: bytes) -> int:
    answer = await session.patch(
        location, headers={**BYTES, "Upload-Offset": str(at)}, data=BytesIO(content)
    )
    assert answer.status == 204
    return int(answer.headers["Upload-Offset"])


async def digests(session: aiohttp.ClientSession, service: Service) -> dict[str, str]:
    """Return the SHA-256 of what is really downloaded, by path."""
    listed = await (await session.get(f"/api/v1/cases/{service.case}/files")).json()
    found = {}
    for file in listed["files"]:
        content = await (await session.get(f"/api/v1/files/{file['id']}/content")).read()
        found[file["path"]] = hashlib.sha256(content).hexdigest()
        assert file["sha256"] == found[file["path"]]
    return found


async def test_what_is_sent_by_tus_and_by_sftp_comes_back_by_both_and_the_service_ends_cleanly(
    running_service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = running_service
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(service.certificate))
    by_tus, by_sftp = tmp_path / "by-tus.log", tmp_path / "by-sftp.log"
    by_tus.write_bytes(some_bytes(21 * MIB + 17))
    by_sftp.write_bytes(some_bytes(6 * MIB + 5))
    client = TusClient(
        f"{service.url}/api/v1/cases/{service.case}/uploads",
        headers=bearer(service.customer_token),
    )
    with by_tus.open("rb") as file:
        client.uploader(
            file_stream=file, chunk_size=8 * MIB, metadata={"filename": by_tus.name}
        ).upload()

    async with sftp(service) as files:
        await files.put(str(by_sftp), by_sftp.name)
        await files.get(by_tus.name, str(tmp_path / "back"))
    async with customer(service) as session:
        stored = await digests(session, service)

    assert (tmp_path / "back").read_bytes() == by_tus.read_bytes()
    assert stored == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (by_tus, by_sftp)
    }
    assert service.stop() == 0
    assert service.left_over() == []
    assert not (service.data / "service.json").exists()


async def test_what_the_service_has_acknowledged_by_sftp_survives_its_stop(
    start_service: Start,
) -> None:
    # No flush but that of the stop itself.
    service = start_service(idle_flush="10m", flush_interval="10m")
    content = some_bytes(3 * MIB)
    async with sftp(service) as files:
        handle = await files.open("trace.log", "wb")
        await handle.write(content)
        assert service.stop() == 0
    service.restart()
    async with sftp(service) as files:
        assert (await files.stat("trace.log")).size == len(content)
        async with files.open("trace.log", "ab") as handle:
            await handle.write(b"the end")
    async with customer(service) as session:
        stored = await digests(session, service)
    assert stored == {"trace.log": hashlib.sha256(content + b"the end").hexdigest()}


async def test_an_upload_goes_on_where_it_was_when_the_service_was_told_to_stop(
    start_service: Start,
) -> None:
    service = start_service(part_bytes="5MiB", idle_flush="10m")
    content = some_bytes(12 * MIB)
    async with customer(service) as session:
        location = await begin(session, service, len(content))

        async def half_then_stop() -> AsyncIterator[bytes]:
            yield content[: 6 * MIB]
            while (durable := await shown_offset(session, service)) < 5 * MIB:
                pass
            seen.append(durable)
            service.signal(signal.SIGTERM)
            yield content[6 * MIB :]

        seen: list[int] = []
        headers = {**BYTES, "Upload-Offset": "0"}
        try:
            answer = await session.patch(location, headers=headers, data=half_then_stop())
            assert answer.status in (204, 503)
        except aiohttp.ClientError:
            pass  # it left before the rest was there
    assert service.wait() == 0
    service.start()
    async with customer(service) as session:
        at = await offset(session, location)
        assert at >= seen[0]
        if at < len(content):
            await append(session, location, at, content[at:])
        assert list((await digests(session, service)).values()) == [
            hashlib.sha256(content).hexdigest()
        ]


async def test_a_service_that_was_killed_starts_again_and_knows_every_acknowledged_byte(
    start_service: Start,
) -> None:
    service = start_service(part_bytes="5MiB")
    content = some_bytes(11 * MIB)
    case = service.case
    async with customer(service) as session:
        location = await begin(session, service, len(content))
        acknowledged = await append(session, location, 0, content[: 7 * MIB])
        service.kill_9()
    assert service.left_over() == []
    assert (service.data / "service.json").exists()  # nobody was there to remove it

    service.start()

    assert service.case == case
    async with customer(service) as session:
        assert await offset(session, location) == acknowledged == 7 * MIB
        await append(session, location, acknowledged, content[acknowledged:])
        assert list((await digests(session, service)).values()) == [
            hashlib.sha256(content).hexdigest()
        ]


async def test_two_workers_share_the_doors_and_one_that_dies_is_replaced(
    start_service: Start,
) -> None:
    service = start_service("--workers", "2")
    first, *members = service.announced["pids"]
    assert len(members) == 2
    content = some_bytes(6 * MIB)
    async with customer(service) as session:
        location = await begin(session, service, len(content))
        await append(session, location, 0, content[: 2 * MIB])

        os.kill(members[0], signal.SIGKILL)
        while members[0] in service.announced["pids"] or len(service.announced["pids"]) < 3:
            assert (await session.get("/healthz")).status == 200

        at = await offset(session, location)
        await append(session, location, at, content[at:])
        assert list((await digests(session, service)).values()) == [
            hashlib.sha256(content).hexdigest()
        ]
    assert service.announced["pids"][0] == first
    assert service.stop() == 0
    assert service.left_over() == []


def test_a_service_whose_workers_are_killed_with_it_leaves_its_ports_free(
    start_service: Start,
) -> None:
    service = start_service("--workers", "2")
    service.kill_9()
    assert service.left_over() == []
    service.start()
    assert service.stop() == 0


def test_a_service_whose_store_dies_says_so_and_ends(running_service: Service) -> None:
    [store] = [process for process in running_service.family() if process.name() == "weed"]
    store.kill()
    assert running_service.wait() == 1
    assert "The object store is gone." in running_service.log
    assert "Traceback" not in running_service.log
    assert running_service.left_over() == []


def test_a_port_that_is_taken_is_told_at_once(running_service: Service, tmp_path: Path) -> None:
    address = running_service.url.partition("//")[2]
    other = Service(tmp_path)
    failed = other.cli("serve", "--http", address, "--sftp", "127.0.0.1:0", status=1)
    assert f"Can't listen on {address}: another process listens there." in failed.stderr
    assert "--http" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_folder_is_served_by_one_service_only(running_service: Service) -> None:
    free = ("--http", "127.0.0.1:0", "--sftp", "127.0.0.1:0")
    failed = running_service.cli("serve", *free, status=1)
    assert "already" in failed.stderr
    assert str(running_service.announced["pid"]) in failed.stderr


async def test_a_part_of_the_service_runs_by_itself_on_the_same_records_and_store(
    start_service: Start,
) -> None:
    service = start_service()
    part = start_service("--plain-http", command="http", data=service.data)
    async with aiohttp.ClientSession(headers=bearer(service.customer_token)) as session:
        answer = await session.get(f"{part.url}/api/v1/cases/{service.case}")
        assert answer.status == 200
        assert (await answer.json())["number"] == service.case
        assert (await session.get(f"{part.url}/readyz")).status == 200
    assert part.stop() == 0


def test_the_commands_work_beside_a_running_service_and_print_what_was_promised(
    running_service: Service,
) -> None:
    service = running_service
    case = service.cli_json("case", "open", "--subject", "Crash", "--account", "Example")
    number = case["number"]
    expected = {"number", "status", "substatus", "subject", "closed_at", "deletion_due_at"}
    assert expected <= case.keys()
    account = service.account(number)
    assert (account["host"], account["port"]) == service.sftp
    assert set(account) == {
        "id", "username", "password", "host", "port", "fingerprints", "expires_at",
        "label", "keys", "networks", "issue", "issued_at", "issued_by",
        "sessions", "bytes_received", "bytes_sent", "last_seen_at", "last_address",
    }  # fmt: skip
    assert account["fingerprints"] == service.ready["fingerprints"]
    closed = service.cli_json("case", "close", number)
    assert (closed["status"], closed["substatus"]) == ("Closed", "Resolved")
    due = closed["deletion_due_at"]
    plan = service.cli_json("retention", "plan", "--at", due)
    assert [row["number"] for row in plan["cases"]] == [number]
    report = service.cli_json("retention", "run")
    assert report["failures"] == []
    assert service.cli_json("case", "show", number)["deleted_at"] is None


def test_retention_runs_without_a_service_on_the_folder(tmp_path: Path) -> None:
    offline = Service(tmp_path, settings={"retention_period": "1ms"})
    number = offline.cli_json("case", "open", "--subject", "Old", "--account", "Example")["number"]
    offline.cli("case", "close", number)
    report = offline.cli_json("retention", "run")
    assert report["failures"] == []
    assert offline.cli_json("case", "show", number)["deleted_at"] is not None


def test_the_welcome_names_addresses_and_commands_that_can_be_copied(tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        service.spawn()
        said = service.read_until(b"Ctrl-C stops it.\n").decode()
        assert service.stop() == 0
    finally:
        service.end()
    assert "https://127.0.0.1:" in said
    assert "SHA256:" in said
    assert "CUSTOMER=ctt_" in said
    assert f"transfer account issue --case 0000000001 --data {service.data}" in said
    assert "\x1b" not in said  # no colours where there is no terminal
