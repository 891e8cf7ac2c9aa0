"""Clients that know nothing of interim responses, but must get along with them."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

from tests.e2e.http.http_room import HttpRoom
from tests.engine_room import NUMBER
from tests.programs import program

DATA = bytes(range(256)) * 8000


async def curl(room: HttpRoom, *arguments: str) -> str:
    """Run curl, and return what it says and hears."""
    process = await asyncio.create_subprocess_exec(
        program("curl"),
        *("-sS", "-i", "--max-time", "60"),
        *("-H", f"Authorization: Bearer {room.tokens['designated']}"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


def statuses(out: str) -> list[int]:
    return [int(status) for status in re.findall(r"^HTTP/1\.1 (\d+)", out, re.MULTILINE)]


async def test_curl_sends_a_file_it_waits_with(room: HttpRoom, tmp_path: Path) -> None:
    source = tmp_path / "trace.log"
    source.write_bytes(DATA)  # above 1 MiB curl waits for 100 Continue
    out = await curl(
        room,
        *("-H", "Upload-Complete: ?1"),
        *("-H", "Content-Type: text/plain"),
        *("-H", "Content-Disposition: inline; filename=trace.log"),
        *("--data-binary", f"@{source}"),
        f"{room.url}/api/v1/cases/{NUMBER}/uploads",
    )
    heard = statuses(out)
    assert heard[:2] == [100, 104]
    assert set(heard[2:-1]) == {104}
    assert heard[-1] == 201
    assert hashlib.sha256(DATA).hexdigest() in out
    assert await room.engine.content("trace.log") == DATA


async def test_curl_streams_what_has_no_length(room: HttpRoom, tmp_path: Path) -> None:
    source = tmp_path / "trace.log"
    source.write_bytes(DATA)
    out = await curl(
        room,
        *("-H", "Upload-Complete: ?1"),
        *("-H", "Transfer-Encoding: chunked"),
        *("-H", "Content-Disposition: inline; filename=trace.log"),
        *("-X", "POST"),
        *("-T", str(source)),
        f"{room.url}/api/v1/cases/{NUMBER}/uploads",
    )
    assert statuses(out)[-1] == 201
    assert await room.engine.content("trace.log") == DATA


async def test_curl_resumes_where_head_says(room: HttpRoom, tmp_path: Path) -> None:
    first, rest = tmp_path / "first", tmp_path / "rest"
    first.write_bytes(DATA[:1_000_000])
    out = await curl(
        room,
        *("-H", "Upload-Complete: ?0"),
        *("-H", f"Upload-Length: {len(DATA)}"),
        *("--data-binary", f"@{first}"),
        f"{room.url}/api/v1/cases/{NUMBER}/uploads",
    )
    (location,) = set(re.findall(r"^Location: (\S+)", out, re.MULTILINE))
    out = await curl(room, "-I", f"{room.url}{location}")
    assert "Upload-Complete: ?0" in out
    (offset,) = re.findall(r"^Upload-Offset: (\d+)", out, re.MULTILINE)
    rest.write_bytes(DATA[int(offset) :])
    out = await curl(
        room,
        *("-X", "PATCH"),
        *("-H", "Upload-Complete: ?1"),
        *("-H", f"Upload-Offset: {offset}"),
        *("-H", "Content-Type: application/partial-upload"),
        *("--data-binary", f"@{rest}"),
        f"{room.url}{location}",
    )
    assert statuses(out)[-1] == 201
    assert await room.engine.content("unnamed") == DATA


async def test_aiohttp_skips_what_is_told_on_the_way(room: HttpRoom) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), 100_000):
            yield DATA[start : start + 100_000]

    for expect in (True, False):
        async with room.session.post(
            f"{room.url}/api/v1/cases/{NUMBER}/uploads",
            headers={**room.bearer("designated"), "Upload-Complete": "?1"},
            data=chunks(),
            expect100=expect,
        ) as answer:
            assert answer.status == 201
            assert (await answer.json())["sha256"] == hashlib.sha256(DATA).hexdigest()
