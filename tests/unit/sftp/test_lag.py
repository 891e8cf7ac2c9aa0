import asyncio
import threading

import paramiko

from tests.e2e.sftp.gateway import Gateway, data_of
from tests.engine_room import KIB
from tests.unit.sftp.raw_session import READING, raw_session, read
from transfer.sftp.lag import ReadLag

CONTENT = data_of(1024 * KIB)
BLOCK = 32 * KIB


def lag_of(version: str = "SSH-2.0-paramiko_5.0.0") -> tuple[ReadLag, asyncio.Event]:
    gone_on = asyncio.Event()
    return ReadLag(version, gone_on.set), gone_on


async def test_other_clients_never_wait() -> None:
    lag, _ = lag_of("SSH-2.0-OpenSSH_10.0")
    assert not lag.applies
    assert not lag.holds(1, ends=False)
    assert not lag.holds(0, ends=False)


async def test_a_read_waits_until_two_more_came() -> None:
    lag, _ = lag_of()
    assert not lag.holds(2, ends=False)
    assert lag.holds(1, ends=False)
    assert lag.holds(0, ends=False)
    lag.came()
    assert not lag.holds(2, ends=False)
    assert not lag.holds(1, ends=True), "no more will come"
    lag.stop()


async def test_who_sends_one_read_at_a_time_is_not_waited_for_again_and_again() -> None:
    lag, gone_on = lag_of()
    for _ in range(2):
        lag.came()
        gone_on.clear()
        assert lag.holds(0, ends=False)
        await gone_on.wait()
    assert not lag.holds(2, ends=False), "now it has sent some ahead"
    for _ in range(3):
        lag.came()
        gone_on.clear()
        assert lag.holds(1, ends=False)
        await gone_on.wait()
        assert not lag.holds(1, ends=False)
    lag.came()
    assert not lag.applies
    assert not lag.holds(1, ends=False)


async def test_all_reads_are_answered_in_order_in_the_end(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", CONTENT)
    async with (
        gateway.connect(client_version="paramiko_5.0.0") as connection,
        raw_session(connection) as session,
    ):
        handle = await session.open(b"trace.log", READING)
        starts = [*range(0, 10 * BLOCK, BLOCK)]
        for start in starts:
            session.send(read(handle, start, BLOCK))
        for start in starts:
            assert (await session.reply()).string == CONTENT[start : start + BLOCK]
        session.send(*(read(handle, start, BLOCK) for start in starts))
        session.writer.write_eof()
        for start in starts:
            assert (await session.reply()).string == CONTENT[start : start + BLOCK]


async def test_a_paramiko_that_is_slow_to_note_its_reads_still_sends_them_ahead(
    gateway: Gateway,
) -> None:
    """As Python's threads keep each other waiting, it may note a READ after the reply is here."""
    await gateway.room.send("trace.log", CONTENT)
    alone: list[int] = []

    class SlowFile(paramiko.SFTPFile):  # type: ignore[misc]  # paramiko ships no types
        def _prefetch_thread(self, chunks: list[tuple[int, int]], _limit: object) -> None:
            for start, size in chunks:
                request = (paramiko.sftp.CMD_READ, self.handle, paramiko.sftp.int64(start), size)
                number = self.sftp._async_request(self, *request)
                threading.Event().wait(0.001)
                with self._prefetch_lock:
                    self._prefetch_extents[number] = (start, size)

        def _read(self, size: int) -> bytes:
            data = super()._read(size)
            if not self._prefetching:
                alone.append(len(data))
            return bytes(data)

    attributes = paramiko.SFTPAttributes()

    def get() -> bytes:
        with gateway.paramiko_client() as client:
            kind, told = client._request(paramiko.sftp.CMD_OPEN, "trace.log", READING, attributes)
            assert kind == paramiko.sftp.CMD_HANDLE
            with SlowFile(client, told.get_binary(), "rb") as file:
                file.prefetch(len(CONTENT))
                return b"".join(iter(lambda: file.read(BLOCK), b""))

    assert await asyncio.to_thread(get) == CONTENT
    assert not alone, "none was asked for by itself"
