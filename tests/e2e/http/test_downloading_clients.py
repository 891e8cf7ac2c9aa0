"""Real clients that go on with a download where it broke off: curl, wget and aria2."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.http.breaking_store import BreakingStore
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.engine_room import MIB, NUMBER
from tests.programs import program

ARCHIVE = f"/api/v1/cases/{NUMBER}/archive"
RANDOM = random.Random(7)
DATA = RANDOM.randbytes(3 * MIB + 4321)


async def run(name: str, *arguments: str, folder: Path) -> tuple[int, str]:
    """Run a client to its end, with nothing of ours in its environment."""
    process = await asyncio.create_subprocess_exec(
        program(name),
        *arguments,
        cwd=folder,
        env={"HOME": str(folder), "LC_ALL": "C.UTF-8"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
    except BaseException:
        process.kill()
        raise
    return process.returncode or 0, out.decode(errors="replace")


Resume = Callable[[str, str, Path], Awaitable[tuple[int, str]]]


async def curl(url: str, token: str, file: Path) -> tuple[int, str]:
    options = ("-sSf", "-H", token, "-C", "-")
    return await run("curl", *options, "-o", file.name, url, folder=file.parent)


async def wget(url: str, token: str, file: Path) -> tuple[int, str]:
    options = ("-nv", "--tries=3", "--waitretry=1", "--header", token)
    return await run("wget", *options, "-c", "-O", file.name, url, folder=file.parent)


async def aria2(url: str, token: str, file: Path) -> tuple[int, str]:
    return await run("aria2c", *_aria2(token, file), "-s", "1", url, folder=file.parent)


async def aria2_by_four(url: str, token: str, file: Path) -> tuple[int, str]:
    options = ("-s", "4", "-x", "4", "-k", "1M")
    return await run("aria2c", *_aria2(token, file), *options, url, folder=file.parent)


def _aria2(token: str, file: Path) -> tuple[str, ...]:
    quiet = ("-q", "--file-allocation=none", "--no-conf", "--max-tries=3", "--retry-wait=1")
    return (*quiet, "--header", token, "-c", "-o", file.name)


CLIENTS = [curl, wget, aria2]


def authorisation(room: HttpRoom) -> str:
    return f"Authorization: Bearer {room.tokens['analyst']}"


@pytest.fixture
async def filled(room: HttpRoom) -> HttpRoom:
    await room.send(DATA, "logs/node 1/trace.log")
    await room.send(b"", "empty.txt")
    for number in range(30):
        await room.send(RANDOM.randbytes(number * 997), f"logs/ログ {number}.log")
    return room


async def whole(room: HttpRoom, url: str) -> bytes:
    return (await room.ask("GET", url, who="analyst")).body


@pytest.mark.parametrize("resume", CLIENTS)
async def test_a_file_goes_on_at_any_byte(filled: HttpRoom, tmp_path: Path, resume: Resume) -> None:
    (file,) = [file for file in await filled.files() if file["size"] == len(DATA)]
    half = tmp_path / "half.log"
    half.write_bytes(DATA[: RANDOM.randrange(1, len(DATA))])
    url = f"{filled.url}/api/v1/files/{file['id']}/content"
    code, out = await resume(url, authorisation(filled), half)
    assert code == 0, out
    assert hashlib.sha256(half.read_bytes()).hexdigest() == file["sha256"]


@pytest.mark.parametrize("resume", CLIENTS)
async def test_an_archive_goes_on_at_any_byte(
    filled: HttpRoom, tmp_path: Path, resume: Resume
) -> None:
    expected = await whole(filled, ARCHIVE)
    for _ in range(3):
        half = tmp_path / "half.zip"
        half.write_bytes(expected[: RANDOM.randrange(1, len(expected))])
        code, out = await resume(filled.url + ARCHIVE, authorisation(filled), half)
        assert code == 0, out
        assert half.read_bytes() == expected
        half.unlink()


async def test_an_archive_comes_in_four_pieces_at_once(filled: HttpRoom, tmp_path: Path) -> None:
    file = tmp_path / "case.zip"
    code, out = await aria2_by_four(filled.url + ARCHIVE, authorisation(filled), file)
    assert code == 0, out
    assert file.read_bytes() == await whole(filled, ARCHIVE)


async def test_an_archive_is_what_unzip_and_sha256sum_expect(
    filled: HttpRoom, tmp_path: Path
) -> None:
    file = tmp_path / "case.zip"
    assert (await wget(filled.url + ARCHIVE, authorisation(filled), file))[0] == 0
    for name, *arguments in (
        ("unzip", "-tq", "case.zip"),
        ("unzip", "-q", "case.zip", "-d", "out"),
        ("zipinfo", "-t", "case.zip"),
    ):
        code, out = await run(name, *arguments, folder=tmp_path)
        assert code == 0, out
    code, out = await run("sha256sum", "--strict", "-c", "SHA256SUMS", folder=tmp_path / "out")
    assert code == 0, out
    assert out.count(": OK\n") == 32


@pytest.mark.parametrize("resume", [curl, wget])
async def test_no_client_mixes_two_archives(
    filled: HttpRoom, tmp_path: Path, resume: Resume
) -> None:
    """Whoever can't tell of which archive they have the first half is told to start again."""
    half = tmp_path / "half.zip"
    begun = (await whole(filled, ARCHIVE))[:100_000]
    half.write_bytes(begun)
    await filled.send(b"new", "a new file.log")
    code, out = await resume(filled.url + ARCHIVE, authorisation(filled), half)
    assert code != 0, out
    assert half.read_bytes() == begun


@pytest.fixture
async def breaking(tmp_path: Path) -> AsyncIterator[tuple[HttpRoom, BreakingStore]]:
    store = BreakingStore(min_part_bytes=1)
    async with http_room(tmp_path, store=store) as room:
        yield room, store


@pytest.mark.parametrize("resume", [wget, aria2])
async def test_a_client_goes_on_by_itself_when_the_store_breaks(
    breaking: tuple[HttpRoom, BreakingStore], tmp_path: Path, resume: Resume
) -> None:
    room, store = breaking
    await room.send(DATA, "trace.log")
    store.breaks_once = True
    file = tmp_path / "case.zip"
    code, out = await resume(room.url + ARCHIVE, authorisation(room), file)
    assert code == 0, out
    assert not store.breaks_once
    assert file.read_bytes() == await whole(room, ARCHIVE)


async def test_aria2_remembers_how_long_the_archive_was(
    breaking: tuple[HttpRoom, BreakingStore], tmp_path: Path
) -> None:
    """It begins with a request for the whole; what it has is guarded by its own control file."""
    room, store = breaking
    await room.send(DATA, "trace.log")
    store.breaks = True
    file = tmp_path / "case.zip"
    code, _ = await aria2(room.url + ARCHIVE, authorisation(room), file)
    assert code != 0
    begun = file.read_bytes()
    store.breaks = False
    await room.send(b"new", "a new file.log")
    code, out = await aria2(room.url + ARCHIVE, authorisation(room), file)
    assert code != 0, out
    assert file.read_bytes() == begun
