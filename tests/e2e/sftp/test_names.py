import re
import unicodedata

import asyncssh
import pytest

from tests.e2e.sftp.gateway import Gateway
from tests.engine_room import NUMBER, customer

_STRANGE = [
    ".hidden",
    "...",
    "CON",
    "nul.txt",
    "name with spaces ",
    "a" * 255,
    "ü" * 127,
    "😀.log",
    "back\\slash",
    "c:\\windows\\system.ini",
    "; rm -rf $HOME #",
    "' OR 1=1 --",
    '"><script>alert(1)',
    "%2e%2e%2f",
    "-rf",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("name", _STRANGE)
async def test_strange_names_are_kept_as_they_are_and_reach_no_object_key(
    gateway: Gateway, name: str
) -> None:
    async with gateway.client() as client:
        async with client.open(name, "wb") as file:
            await file.write(b"some")
        assert name in await client.listdir()
        assert (await client.stat(name)).size == 4
        await client.rename(name, "plain")
        await client.rename("plain", name)
        assert await gateway.content(name) == b"some"
    assert all(
        re.fullmatch(r"c/[0-9a-f]{32}/[0-9a-f]{32}\.\d", key) for key in gateway.store.objects
    )


@pytest.mark.parametrize(
    "name",
    [b"a" * 256, "ü".encode() * 128, b"new\nline", b"nul\0", b"\x1b[31m", b"\xff\xfe", b"\xc0\xaf"],
    ids=repr,
)
async def test_names_that_cannot_be_kept_are_refused_and_nothing_is_stored(
    gateway: Gateway, name: bytes
) -> None:
    await gateway.room.send("plain", b"some")
    async with gateway.client() as client:
        for attempt in (
            client.open(name, "wb"),
            client.mkdir(name),
            client.rename("plain", name),
            client.posix_rename(b"plain", name),
            client.stat(name),
            client.realpath(name),
        ):
            with pytest.raises(asyncssh.SFTPFailure, match="name"):
                await attempt
        assert await client.listdir() == ["plain", "shared"]


async def test_a_path_has_at_most_4096_bytes(gateway: Gateway) -> None:
    async with gateway.client() as client:
        with pytest.raises(asyncssh.SFTPFailure, match="4096"):
            await client.open("/".join(["a" * 240] * 18), "wb")


@pytest.mark.parametrize(
    "path",
    ["../../trace.log", "/trace.log", "/../../../trace.log", "./x/../trace.log", "//trace.log"],
)
async def test_no_path_leads_out_of_the_case(gateway: Gateway, path: str) -> None:
    async with gateway.client() as client:
        async with client.open(path, "wb") as file:
            await file.write(b"some")
        assert await client.listdir("../../..") == ["shared", "trace.log"]
    assert await gateway.content("trace.log") == b"some"


async def test_system_files_are_not_there(gateway: Gateway) -> None:
    async with gateway.client() as client:
        for path in ("/etc/passwd", "../../../../etc/passwd", "/proc/self/environ"):
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await client.open(path, "rb")


async def test_two_spellings_of_one_name_are_one_file(gateway: Gateway) -> None:
    composed = unicodedata.normalize("NFC", "Prüfbericht.log")
    decomposed = unicodedata.normalize("NFD", composed)
    async with gateway.client() as client:
        async with client.open(decomposed, "wb") as file:
            await file.write(b"one")
        async with client.open(composed, "wb") as file:
            await file.write(b"two")
        assert (await client.stat(decomposed)).size == 3
    [file_there] = (await gateway.room.files.listing(customer(), NUMBER)).files
    assert await gateway.room.content_of(file_there) == b"two"


async def test_names_that_differ_in_case_are_two_files(gateway: Gateway) -> None:
    async with gateway.client() as client:
        for name in ("Trace.log", "trace.log", "TRACE.LOG"):
            async with client.open(name, "xb") as file:
                await file.write(name.encode())
    for name in ("Trace.log", "trace.log", "TRACE.LOG"):
        assert await gateway.content(name) == name.encode()
