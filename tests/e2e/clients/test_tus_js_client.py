"""tus-js-client 4: tus in all its forms, and both drafts of RUFH that it speaks."""

import hashlib
from pathlib import Path

import pytest

from tests.e2e.clients.conftest import DATA
from tests.e2e.clients.node_client import Ended, NodeClient
from tests.e2e.http.http_room import HttpRoom

MIB = 1 << 20
NAMED = "logs/träce.log"
DRAFTS = ("ietf-draft-03", "ietf-draft-05")

pytestmark = pytest.mark.e2e


async def received(room: HttpRoom, ended: Ended) -> None:
    """See that the upload ended well, and that the case holds this file and nothing else."""
    assert ended.how == "success", ended
    (file,) = await room.files()
    assert (file["path"], file["size"]) == (NAMED, len(DATA))
    assert file["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert await room.engine.content(NAMED) == DATA
    assert await room.uploads() == []


async def test_a_file_in_one_request(room: HttpRoom, client: NodeClient) -> None:
    ended = await client.upload()
    assert ended.requests == [("POST", 201), ("PATCH", 204)]
    await received(room, ended)


@pytest.mark.parametrize("source", ["path", "bytes", "stream"])
async def test_a_file_in_chunks(room: HttpRoom, client: NodeClient, source: str) -> None:
    client.options |= {"chunkSize": 3_000_001, "uploadSize": len(DATA)}
    ended = await client.upload(source=source)
    assert ended.methods == ["POST", "PATCH", "PATCH", "PATCH"]
    await received(room, ended)


@pytest.mark.parametrize("chunk", [None, 3_000_001], ids=["whole", "in-chunks"])
async def test_a_creation_with_the_first_bytes(
    room: HttpRoom, client: NodeClient, chunk: int | None
) -> None:
    client.options |= {"uploadDataDuringCreation": True, "chunkSize": chunk}
    ended = await client.upload()
    assert ended.methods == (["POST"] if chunk is None else ["POST", "PATCH", "PATCH"])
    await received(room, ended)


async def test_a_file_whose_length_comes_last(room: HttpRoom, client: NodeClient) -> None:
    client.options |= {"uploadLengthDeferred": True, "chunkSize": 3_000_001}
    await received(room, await client.upload(source="stream"))


@pytest.mark.parametrize("chunk", [None, 300_001], ids=["whole", "in-chunks"])
async def test_a_file_in_four_pieces_at_once(
    room: HttpRoom, client: NodeClient, chunk: int | None
) -> None:
    client.options |= {"parallelUploads": 4, "chunkSize": chunk}
    ended = await client.upload(source="bytes")
    assert ended.methods.count("POST") == 5
    await received(room, ended)


async def test_a_patch_that_a_proxy_would_not_let_through(
    room: HttpRoom, client: NodeClient
) -> None:
    client.options |= {"overridePatchMethod": True}
    ended = await client.upload()
    assert ended.methods == ["POST", "POST"]
    await received(room, ended)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_chunks_with_checksums(room: HttpRoom, client: NodeClient, algorithm: str) -> None:
    client.options |= {"chunkSize": 3_000_001}
    ended = await client.upload(source="bytes", checksum=algorithm)
    assert 460 not in ended.statuses
    await received(room, ended)


async def test_a_damaged_chunk_is_sent_again(room: HttpRoom, client: NodeClient) -> None:
    client.options |= {"chunkSize": 3_000_001}
    ended = await client.upload(source="bytes", checksum="sha256", damages=1)
    assert ended.statuses.count(460) == 1
    await received(room, ended)


@pytest.mark.parametrize("protocol", ["tus-v1", *DRAFTS])
@pytest.mark.parametrize("chunk", [None, 3_000_001], ids=["whole", "in-chunks"])
async def test_an_aborted_upload_is_resumed_by_another_process(
    room: HttpRoom, client: NodeClient, tmp_path: Path, protocol: str, chunk: int | None
) -> None:
    client.urls = tmp_path / "urls.json"
    client.options |= {"protocol": protocol, "chunkSize": chunk}
    # The first bytes are told at once, later ones now and then: by then all may have gone.
    aborted = await client.upload(abortAfter=1)
    assert aborted.how == "aborted"
    resumed = await client.upload()
    assert resumed.methods[0] == "HEAD"
    assert "POST" not in resumed.methods
    assert resumed.url == aborted.url
    await received(room, resumed)


async def test_pieces_that_were_aborted_are_resumed_by_another_process(
    room: HttpRoom, client: NodeClient, tmp_path: Path
) -> None:
    client.urls = tmp_path / "urls.json"
    client.options |= {"parallelUploads": 4, "chunkSize": 300_001}
    aborted = await client.upload(source="bytes", abortAfter=2 * MIB)
    assert aborted.how == "aborted"
    resumed = await client.upload(source="bytes")
    assert resumed.methods.count("HEAD") == 4
    assert resumed.methods.count("POST") == 1
    await received(room, resumed)


async def test_an_upload_that_its_sender_terminates_is_gone(
    room: HttpRoom, client: NodeClient
) -> None:
    aborted = await client.upload(abortAfter=1, terminate=True)
    assert aborted.requests[-1] == ("DELETE", 204)
    assert await room.files() == await room.uploads() == []


# ── RUFH ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("protocol", DRAFTS)
@pytest.mark.parametrize("chunk", [None, 3_000_001], ids=["whole", "in-chunks"])
async def test_a_file_by_a_draft_of_rufh(
    room: HttpRoom, client: NodeClient, protocol: str, chunk: int | None
) -> None:
    client.options |= {"protocol": protocol, "chunkSize": chunk}
    await received(room, await client.upload())


@pytest.mark.parametrize("protocol", DRAFTS)
async def test_a_draft_of_rufh_creates_with_the_first_bytes(
    room: HttpRoom, client: NodeClient, protocol: str
) -> None:
    client.options |= {
        "protocol": protocol,
        "chunkSize": 3_000_001,
        "uploadDataDuringCreation": True,
    }
    await received(room, await client.upload())


@pytest.mark.parametrize("protocol", DRAFTS)
async def test_a_draft_of_rufh_tells_the_length_last(
    room: HttpRoom, client: NodeClient, protocol: str
) -> None:
    client.options |= {"protocol": protocol, "chunkSize": 3_000_001, "uploadLengthDeferred": True}
    await received(room, await client.upload(source="stream"))
