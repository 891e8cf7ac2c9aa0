"""Requests for digests, in the words of each client that sends them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncssh
import pytest
from asyncssh.constants import FXP_EXTENDED, FXP_EXTENDED_REPLY, FXP_NAME, FXP_STATUS
from asyncssh.packet import SSHPacket, String, UInt32, UInt64

from tests.e2e.sftp.gateway import Gateway, data_of
from tests.engine_room import KIB, NUMBER, customer
from transfer.core.names import CasePath

DATA = data_of(300 * KIB)
FAILURE, UNSUPPORTED, MISSING = 4, 8, 2


class RawClient:
    """Sends requests as they are, and returns what comes back for each."""

    def __init__(
        self, writer: "asyncssh.SSHWriter[bytes]", reader: "asyncssh.SSHReader[bytes]"
    ) -> None:
        self._writer = writer
        self._reader = reader
        self.extensions: dict[bytes, bytes] = {}

    async def begin(self) -> None:
        self._send(b"\1" + UInt32(3))
        packet = SSHPacket(await self._receive())
        assert (packet.get_byte(), packet.get_uint32()) == (2, 3)
        while packet:
            name = packet.get_string()
            self.extensions[name] = packet.get_string()

    async def ask(self, name: str, *arguments: bytes) -> tuple[int, SSHPacket]:
        """Send an extended request; return the kind of the reply, and what it says."""
        self._send(bytes([FXP_EXTENDED]) + UInt32(7) + String(name) + b"".join(arguments))
        return await self._reply()

    async def open(self, path: str, flags: int = 1) -> bytes:
        """Open a file, and return its handle."""
        self._send(b"\3" + UInt32(7) + String(path) + UInt32(flags) + UInt32(0))
        kind, packet = await self._reply()
        assert kind == 102, packet.get_remaining_payload()
        return packet.get_string()

    async def _reply(self) -> tuple[int, SSHPacket]:
        packet = SSHPacket(await self._receive())
        kind = packet.get_byte()
        assert packet.get_uint32() == 7
        return kind, packet

    def _send(self, packet: bytes) -> None:
        self._writer.write(String(packet))

    async def _receive(self) -> bytes:
        async with asyncio.timeout(20):
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            return await self._reader.readexactly(size)


@asynccontextmanager
async def raw_client(gateway: Gateway) -> AsyncIterator[RawClient]:
    async with gateway.connect() as connection:
        writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
        client = RawClient(writer, reader)
        await client.begin()
        yield client


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[RawClient]:
    await gateway.room.send("trace.log", DATA)
    async with raw_client(gateway) as made:
        yield made


def digest(algorithm: str, data: bytes) -> bytes:
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()


def asked(algorithms: str, start: int = 0, size: int = 0, block: int = 0) -> bytes:
    return String(algorithms) + UInt64(start) + UInt64(size) + UInt32(block)


def status_of(kind: int, packet: SSHPacket) -> int:
    assert kind == FXP_STATUS
    return packet.get_uint32()


async def test_clients_are_told_what_they_may_ask(client: RawClient) -> None:
    assert client.extensions.keys() >= {
        *(b"copy-data", b"check-file", b"expand-path@openssh.com", b"home-directory"),
        *(b"fsync@openssh.com", b"limits@openssh.com", b"posix-rename@openssh.com"),
    }


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
async def test_winscp_asks_by_name_and_reads_the_algorithm_then_the_digest(
    client: RawClient, algorithm: str
) -> None:
    kind, packet = await client.ask("check-file-name", String("/trace.log"), asked(algorithm))
    assert kind == FXP_EXTENDED_REPLY
    assert packet.get_string() == algorithm.encode()
    assert packet.get_remaining_payload() == digest(algorithm, DATA)


async def test_a_handle_serves_as_a_name_does(client: RawClient) -> None:
    handle = await client.open("trace.log")
    request = String(handle) + asked("sha256", 100, 5000, 1000)
    kind, packet = await client.ask("check-file-handle", request)
    assert kind == FXP_EXTENDED_REPLY
    assert packet.get_string() == b"sha256"
    blocks = [DATA[start : start + 1000] for start in range(100, 5100, 1000)]
    assert packet.get_remaining_payload() == b"".join(digest("sha256", one) for one in blocks)


async def test_paramiko_gets_the_digests_it_asks_for(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", DATA)

    def check() -> list[bytes]:
        with gateway.paramiko_client() as client, client.open("trace.log") as file:
            return [file.check("sha1"), file.check("md5", 1000, 2000, 1000)]

    whole, blocks = await asyncio.to_thread(check)
    assert whole == digest("sha1", DATA)
    assert blocks == digest("md5", DATA[1000:2000]) + digest("md5", DATA[2000:3000])


async def test_the_first_algorithm_that_is_known_is_taken(client: RawClient) -> None:
    request = String("trace.log") + asked("sha3-512,whirlpool,SHA1,md5")
    _, packet = await client.ask("check-file-name", request)
    assert packet.get_string() == b"sha1"


@pytest.mark.parametrize("by_handle", [False, True])
async def test_md5_is_told_of_any_part(client: RawClient, *, by_handle: bool) -> None:
    name = "md5-hash-handle" if by_handle else "md5-hash"
    subject = String(await client.open("trace.log") if by_handle else b"trace.log")
    for start, size in ((0, 0), (1000, 5000), (1000, 0)):
        end = start + size if size else None
        first = DATA[start : start + min(2048, size or 2048)]
        for quick_check in (b"", digest("md5", first)):
            request = subject + UInt64(start) + UInt64(size) + String(quick_check)
            kind, packet = await client.ask(name, request)
            assert kind == FXP_EXTENDED_REPLY
            assert packet.get_string() == b"md5-hash"
            assert packet.get_string() == digest("md5", DATA[start:end])
        _, packet = await client.ask(name, subject + UInt64(start) + UInt64(size) + String(b"x"))
        assert (packet.get_string(), packet.get_string()) == (b"md5-hash", b"")


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda: String("none.log") + asked("sha256"), MISSING),
        (lambda: String("logs") + asked("sha256"), FAILURE),
        (lambda: String("partial.log") + asked("sha256"), FAILURE),
        (lambda: String("trace.log") + asked("crc64,whirlpool"), UNSUPPORTED),
        (lambda: String("trace.log") + asked("sha256", 0, 0, 255), FAILURE),
        (lambda: String("\udcff".encode("utf-8", "surrogateescape")) + asked("md5"), FAILURE),
        (lambda: String("trace.log") + asked("md5") + b"more", 5),
        (lambda: String("trace.log"), 5),
    ],
)
async def test_what_cannot_be_hashed_is_refused_with_a_code(
    gateway: Gateway, client: RawClient, request_of: Callable[[], bytes], code: int
) -> None:
    await gateway.room.files.make_folder(customer(), NUMBER, CasePath("logs"))
    async with gateway.opened("partial.log", "wb") as file:
        await file.write(b"some")
        assert status_of(*await client.ask("check-file-name", request_of())) == code
    assert (await client.ask("check-file-name", String("trace.log") + asked("sha256")))[0] == 201


async def test_what_is_being_written_has_no_digest_yet(client: RawClient) -> None:
    handle = await client.open("new.log", 0x1A)
    for name, rest in (
        ("check-file", asked("sha256")),
        ("check-file-handle", asked("sha256")),
        ("md5-hash-handle", UInt64(0) + UInt64(0) + String(b"")),
    ):
        assert status_of(*await client.ask(name, String(handle), rest)) == UNSUPPORTED
        assert status_of(*await client.ask(name, String(b"none"), rest)) == FAILURE


async def test_the_home_of_whoever_signs_in_is_the_case(client: RawClient) -> None:
    for path, meant in (
        (b"~", b"/"),
        (b"~/", b"/"),
        (b"~/logs/../a.log", b"/a.log"),
        (b"logs", b"/logs"),
        (b"", b"/"),
    ):
        kind, packet = await client.ask("expand-path@openssh.com", String(path))
        assert kind == FXP_NAME
        assert (packet.get_uint32(), packet.get_string()) == (1, meant)
    kind, packet = await client.ask("home-directory", String("anybody"))
    assert kind == FXP_NAME
    assert (packet.get_uint32(), packet.get_string()) == (1, b"/")


async def test_nobody_elses_home_is_here(client: RawClient) -> None:
    assert status_of(*await client.ask("expand-path@openssh.com", String("~root/x"))) == MISSING
