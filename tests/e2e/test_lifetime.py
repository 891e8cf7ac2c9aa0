"""An account's end for real: no clock is moved, the lifetime is a short one."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import asyncssh
import pytest

from tests.service import Service
from tests.ssh import connect_ssh
from transfer.clock import SystemClock

pytestmark = pytest.mark.e2e


async def test_a_live_session_ends_at_the_second_of_its_expiry(
    start_service: Callable[..., Service],
) -> None:
    service = await asyncio.to_thread(start_service, account_lifetime="8s")
    account = await asyncio.to_thread(service.account)
    expires_at = datetime.fromisoformat(account["expires_at"])
    host, port = service.sftp
    login = {"username": account["username"], "password": account["password"]}
    async with connect_ssh(host, port, **login) as connection:
        sftp = await connection.start_sftp_client()
        file = await sftp.open("trace.log", "wb")
        await file.write(b"x" * 100_000)
        async with asyncio.timeout(30):
            await connection.wait_closed()
    late = SystemClock().now() - expires_at
    assert timedelta(0) <= late < timedelta(seconds=2)
    with pytest.raises(asyncssh.PermissionDenied):
        await connect_ssh(host, port, **login)
    shown = await asyncio.to_thread(service.cli_json, "account", "list", "--case", service.case)
    assert account["password"] not in str(shown)
