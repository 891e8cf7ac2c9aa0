"""Real clients against the door: tuspy and curl."""

import asyncio
import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from tusclient import client as tus
from tusclient.exceptions import TusCommunicationError

from tests.e2e.http.http_room import HttpRoom
from tests.engine_room import NUMBER
from tests.programs import program

DATA = bytes(range(256)) * 4000


def tus_client(room: HttpRoom, who: str = "designated") -> tus.TusClient:
    return tus.TusClient(f"{room.url}/api/v1/cases/{NUMBER}/uploads", headers=room.bearer(who))


@pytest.mark.parametrize("with_checksum", [True, False])
async def test_tuspy_uploads_in_chunks(room: HttpRoom, *, with_checksum: bool) -> None:
    uploader = tus_client(room).uploader(
        file_stream=BytesIO(DATA),
        chunk_size=150_000,
        metadata={
            "filename": "trace.log",
            "relativePath": "logs/trace.log",
            "sha256": hashlib.sha256(DATA).hexdigest(),
        },
        upload_checksum=with_checksum,
    )
    await asyncio.to_thread(uploader.upload)
    (file,) = await room.files()
    assert (file["path"], file["verified"]) == ("logs/trace.log", True)
    assert await room.engine.content("logs/trace.log") == DATA


async def test_tuspy_resumes(room: HttpRoom) -> None:
    first = tus_client(room).uploader(file_stream=BytesIO(DATA), chunk_size=150_000)
    await asyncio.to_thread(first.upload_chunk)
    await asyncio.to_thread(first.upload_chunk)
    second = await asyncio.to_thread(
        lambda: tus_client(room).uploader(
            file_stream=BytesIO(DATA), chunk_size=150_000, url=first.url
        )
    )
    assert second.offset == 300_000
    await asyncio.to_thread(second.upload)
    assert await room.engine.content("unnamed") == DATA


async def test_tuspy_of_a_reader_is_refused(room: HttpRoom) -> None:
    uploader = tus_client(room, "read-only").uploader(file_stream=BytesIO(DATA), chunk_size=150_000)
    with pytest.raises(TusCommunicationError) as refused:
        await asyncio.to_thread(uploader.upload)
    assert refused.value.status_code == 403


async def curl(*arguments: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        program("curl"), "-sS", "--max-time", "60", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out


async def test_curl_sends_a_file_in_one_request(room: HttpRoom, tmp_path: Path) -> None:
    source = tmp_path / "trace.log"
    source.write_bytes(DATA * 2)  # above 1 MiB curl waits for 100 Continue
    code, out = await curl(
        "--data-binary",
        f"@{source}",
        "-H",
        f"Authorization: Bearer {room.tokens['designated']}",
        "-H",
        "Tus-Resumable: 1.0.0",
        "-H",
        "Content-Type: application/offset+octet-stream",
        "-H",
        f"Upload-Length: {len(DATA) * 2}",
        "-H",
        "Upload-Metadata: filename dHJhY2UubG9n",
        "-w",
        "%{http_code}",
        f"{room.url}/api/v1/cases/{NUMBER}/uploads",
    )
    assert (code, out) == (0, b"201")
    assert await room.engine.content("trace.log") == DATA * 2


async def test_curl_resumes_a_download_under_the_file_s_name(
    room: HttpRoom, tmp_path: Path
) -> None:
    file = await room.send(DATA, "logs/trace.log")
    url = f"{room.url}/api/v1/files/{file['id']}/content"
    auth = ("-H", f"Authorization: Bearer {room.tokens['analyst']}")
    code, _ = await curl(*auth, "-OJ", "--output-dir", str(tmp_path), url)
    assert code == 0
    assert (tmp_path / "trace.log").read_bytes() == DATA
    half = tmp_path / "half.log"
    half.write_bytes(DATA[: len(DATA) // 2])
    code, _ = await curl(*auth, "-C", "-", "-o", str(half), url)
    assert code == 0
    assert half.read_bytes() == DATA
