"""The few commands that are answered: digests, and the question which shell this is."""

import asyncio
import hashlib
from contextlib import suppress

import asyncssh
import pytest

from tests.e2e.sftp.gateway import Gateway, data_of, eventually, sha256
from tests.engine_room import ANALYST, KIB, NUMBER, customer
from transfer.core.names import CasePath
from transfer.storage.memory import Call

SHELL_PROBE = "echo ${ShellId}%ComSpec%"
NOTHING = hashlib.sha1(b"", usedforsecurity=False).hexdigest()


async def run(gateway: Gateway, command: str, sent: bytes = b"") -> tuple[int, str, str]:
    """Run `command`, and return its exit status and what it wrote to both of its outputs."""
    async with gateway.connect() as connection:
        process = await connection.create_process(command, encoding=None)
        with suppress(OSError):  # it may be over by now
            process.stdin.write(sent)
            process.stdin.write_eof()
        done = await process.wait(timeout=20)
        assert isinstance(done.stdout, bytes)
        assert isinstance(done.stderr, bytes)
        assert done.exit_status is not None, "no shell leaves without a word"
        return done.exit_status, done.stdout.decode(), done.stderr.decode()


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


async def test_a_client_learns_that_a_posix_shell_would_be_here(gateway: Gateway) -> None:
    assert await run(gateway, SHELL_PROBE) == (0, "%ComSpec%\n", "")


async def test_digests_are_told_as_the_commands_tell_them(gateway: Gateway) -> None:
    data = data_of(300 * KIB)
    await gateway.room.send("trace.log", data)
    assert await run(gateway, "sha256sum trace.log") == (0, f"{sha256(data)}  trace.log\n", "")
    assert await run(gateway, "sha1sum /trace.log") == (0, f"{sha1(data)}  /trace.log\n", "")
    assert await run(gateway, "md5sum ./trace.log") == (0, f"{md5(data)}  ./trace.log\n", "")
    assert await run(gateway, "rclone hashsum sha256 trace.log") == (
        0,
        f"{sha256(data)}  trace.log\n",
        "",
    )


async def test_sha256_is_told_from_the_records_alone(gateway: Gateway) -> None:
    data = data_of(300 * KIB)
    await gateway.room.send("trace.log", data)
    read = gateway.calls("read")
    assert (await run(gateway, "sha256sum trace.log"))[0] == 0
    assert gateway.calls("read") == read
    for _ in range(2):
        assert (await run(gateway, "sha1sum trace.log"))[0] == 0
    assert gateway.calls("read") == read + 1


async def test_names_that_would_break_a_line_are_escaped(gateway: Gateway) -> None:
    await gateway.room.send("back\\slash.log", b"some")
    told = await run(gateway, "sha256sum 'back\\slash.log'")
    assert told == (0, f"\\{sha256(b'some')}  back\\\\slash.log\n", "")


async def test_the_digest_of_nothing_is_told_but_not_of_what_is_sent(gateway: Gateway) -> None:
    assert await run(gateway, "sha1sum") == (0, f"{NOTHING}  -\n", "")
    status, told, complaint = await run(gateway, "sha1sum", b"anything")
    assert (status, told) == (1, "")
    assert "only files of the case" in complaint


async def test_what_is_no_file_is_told_of_beside_the_others(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    await gateway.room.files.make_folder(customer(), NUMBER, CasePath("logs"))
    command = "sha256sum none.log logs trace.log trace.log/x ../../etc/passwd a$(id)"
    status, told, complaint = await run(gateway, command)
    assert (status, told) == (1, f"{sha256(b'some')}  trace.log\n")
    assert complaint.splitlines() == [
        "sha256sum: none.log: No such file or directory",
        "sha256sum: logs: Is a directory",
        "sha256sum: trace.log/x: No such file or directory",
        "sha256sum: ../../etc/passwd: No such file or directory",
        "sha256sum: a$(id): No such file or directory",
    ]


async def test_of_a_file_on_its_way_no_digest_is_told(gateway: Gateway) -> None:
    async with gateway.opened("trace.log", "wb") as file:
        await file.write(b"some")
        status, told, complaint = await run(gateway, "sha256sum trace.log")
        assert (status, told) == (1, "")
        assert "still on its way" in complaint


async def test_all_other_commands_are_refused(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        for command in ("ls", "sh -c md5sum", "scp -t /", "md5sum", "sha256sum -c SHA256SUMS"):
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.create_process(command)
        assert (await connection.run(SHELL_PROBE)).stdout == "%ComSpec%\n"


async def test_a_store_that_is_away_fails_the_command_and_nothing_else(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", data_of(300 * KIB))
    gateway.store.fail_next("read")
    status, told, complaint = await run(gateway, "md5sum trace.log")
    assert (status, told) == (1, "")
    assert complaint.startswith("md5sum: trace.log: ")
    assert (await run(gateway, "md5sum trace.log"))[0] == 0


async def test_an_error_of_ours_says_nothing_of_the_inside(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("a secret of the inside")

    monkeypatch.setattr(gateway.room.records.tree, "entry", broken)
    assert await run(gateway, "sha256sum trace.log") == (1, "", "")


async def test_reading_stops_when_its_client_leaves_or_the_account_ends(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", data_of(300 * KIB))
    stalled, given_up = asyncio.Event(), asyncio.Event()

    async def stall(call: Call) -> None:
        if call.operation != "read":
            return
        stalled.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    gateway.store.before = stall
    for is_revoked in (False, True):
        stalled.clear()
        given_up.clear()
        async with gateway.connect() as connection:
            process = await connection.create_process("md5sum trace.log")
            await asyncio.wait_for(stalled.wait(), 10)
            if is_revoked:
                await gateway.room.accounts.revoke(ANALYST, gateway.credentials.account.id)
            else:
                connection.abort()
            await asyncio.wait_for(given_up.wait(), 10)
            process.close()

    async def nothing_runs() -> bool:
        return not gateway.server._live.tasks

    await eventually(nothing_runs)
