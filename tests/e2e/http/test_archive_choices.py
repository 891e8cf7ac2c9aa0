"""Thousands of files in one address: chosen bit by bit, from those of a moment."""

import io
import zipfile
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Collection
from urllib.parse import quote

import pytest

from tests.e2e.http.http_room import Answer, HttpRoom, Parsed
from tests.engine_room import NUMBER

URL = f"/api/v1/cases/{NUMBER}/archive"


async def archive(room: HttpRoom, query: str, **headers: str) -> Answer:
    return await room.ask("GET", URL + query, headers=headers)


def chosen(files: Collection[Parsed], wanted: Collection[str]) -> str:
    """Return the choice of the paths `wanted` of all `files`, as the page writes it."""
    ordered = sorted(files, key=lambda file: file["id"])
    bits = "".join("1" if file["path"] in wanted else "0" for file in ordered)
    size = -(-len(bits) // 8)
    packed = int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")
    checksum = zlib.crc32("\n".join(file["id"] for file in ordered).encode())
    until = quote(max(file["created_at"] for file in files))
    return f"?chosen={checksum:08x}.{urlsafe_b64encode(packed).decode().rstrip('=')}&until={until}"


def names(answer: Answer) -> set[str]:
    assert answer.status == 200, answer
    with zipfile.ZipFile(io.BytesIO(answer.body)) as content:
        return set(content.namelist())


async def test_files_are_chosen_among_those_that_were_seen(room: HttpRoom) -> None:
    for number in range(11):
        await room.send(b"x" * number, f"logs/{number}.log")
    wanted = {f"logs/{number}.log" for number in (0, 3, 7, 8, 10)}
    query = chosen(await room.files(), wanted)
    first = await archive(room, query)
    assert names(first) == {"SHA256SUMS", "logs/", *wanted}
    await room.send(b"late", "late.log")
    rest = await archive(room, query, Range="bytes=100-", **{"If-Range": first.headers["ETag"]})
    assert (rest.status, rest.body) == (206, first.body[100:])


async def test_a_choice_among_files_of_which_one_is_gone_is_refused(room: HttpRoom) -> None:
    await room.send(b"a", "a.log")
    gone = await room.send(b"b", "b.log")
    query = chosen(await room.files(), {"a.log"})
    await room.ask("DELETE", f"/api/v1/files/{gone['id']}")
    answer = await archive(room, query)
    assert (answer.status, answer.code) == (412, "archive-changed")


@pytest.mark.parametrize("query", ["?chosen=", "?chosen=x", "?chosen=00000000.A&files=a"])
async def test_what_is_no_choice_is_refused(room: HttpRoom, query: str) -> None:
    answer = await archive(room, query)
    assert (answer.status, answer.code) == (400, "invalid-request")
