"""A deployment: PostgreSQL, an S3 store of its own, and a process for each part."""

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from tests.service import Service
from tests.ssh import connect_ssh
from transfer.clock import SystemClock

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

Start = Callable[..., Service]


async def test_parts_on_many_nodes_are_one_service(
    start_service: Start, operator: Service, settings: dict[str, str], tmp_path: Path
) -> None:
    assert "run `transfer migrate` first" in operator.cli("case", "list", status=1).stderr
    operator.cli("migrate")
    case = operator.cli_json("case", "open", "--subject", "Crash", "--account", "Example")["number"]
    token = operator.token("designated", "--case", case)

    http = start_service("--plain-http", command="http", **settings)
    sftp = start_service(command="sftp", **settings)
    worker = start_service(command="worker", **settings)
    assert len(http.family()) == len(worker.family()) == 1  # no store of their own
    http.acknowledge(token, case)

    content = b"by one node" * 1000
    headers = {
        "Authorization": f"Bearer {token}",
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Length": str(len(content)),
        "Upload-Metadata": "filename bG9n",
    }
    async with aiohttp.ClientSession(http.url, headers=headers) as session:
        sent = await session.post(f"/api/v1/cases/{case}/uploads", data=BytesIO(content))
        assert sent.status == 201

    account = operator.account(case)
    host, port = sftp.sftp
    assert account["fingerprints"] == []  # nothing of the SFTP node is on this machine
    async with (
        connect_ssh(
            host,
            port,
            username=account["username"],
            password=account["password"],
        ) as connection,
        connection.start_sftp_client() as files,
    ):
        await files.get("log", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content

    operator.cli("case", "close", case)
    clock = SystemClock()
    async with asyncio.timeout(60):
        while not operator.cli_json("case", "show", case)["deleted_at"]:
            await clock.sleep(0.5)
    assert [part.stop() for part in (http, sftp, worker)] == [0, 0, 0]


async def test_the_whole_service_runs_on_a_database_and_a_store_of_the_operators(
    start_service: Start, settings: dict[str, str]
) -> None:
    service = start_service("--workers", "2", **settings)
    assert service.ready["demo"] is None  # that is for trying it out, not for real records
    assert not [one for one in service.family() if one.name() == "weed"]
    case = service.cli_json("case", "open", "--subject", "Crash", "--account", "Example")["number"]
    token = service.token("analyst")
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=service.tls),
        headers={"Authorization": f"Bearer {token}"},
    ) as session:
        answer = await session.get(f"{service.url}/api/v1/cases/{case}")
        assert (await answer.json())["number"] == case
        assert (await (await session.get(f"{service.url}/readyz")).json())["ready"]
    assert service.stop() == 0
    assert service.left_over() == []
