"""What the S3 store sends, and what it makes of answers that no sound server gives."""

import asyncio
import socket
from base64 import b64encode
from dataclasses import replace

import pytest
from awscrt.checksums import crc64nvme

from tests.unit.storage.fake_s3 import (
    SETTINGS,
    Asked,
    answering,
    fake_s3,
    read_all,
)
from transfer.core.errors import (
    DigestMismatchError,
    EntryMissingError,
    StoreUnavailableError,
    TransferError,
    UploadGoneError,
)
from transfer.core.uploads import Part
from transfer.ports import StoredItem, StoredKind
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings

MIB = 1 << 20
VERSION = StoredItem(StoredKind.VERSION, "key", "v")
MULTIPART = StoredItem(StoredKind.MULTIPART, "key", "id")
PART = Part(number=7, start=0, size=5, etag='"e"', crc64nvme=0)


def header(body: bytes) -> str:
    return b64encode(crc64nvme(body).to_bytes(8, "big")).decode()


def error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


# ── What is sent ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("size", [0, 10_000, MIB])
async def test_a_body_is_not_hashed_to_be_signed_also_without_tls(size: int, tls: bool) -> None:
    body = bytes(size)
    async with fake_s3(tls=tls) as fake, S3ObjectStore(fake.settings) as store:
        await store.put("key", body, crc64nvme=crc64nvme(body))
        await store.upload_part("key", "id", 1, body, crc64nvme=crc64nvme(body))
    assert len(fake.asked) == 2
    for asked in fake.asked:
        assert asked.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        assert asked.headers["x-amz-checksum-crc64nvme"] == header(body)
        assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
        assert asked.headers["content-length"] == str(size)
        assert "transfer-encoding" not in asked.headers
        assert asked.body == body
    assert fake.asked[0].target == "/bucket/key"
    assert fake.asked[1].target in (  # boto3 puts them in another order
        "/bucket/key?partNumber=1&uploadId=id",
        "/bucket/key?uploadId=id&partNumber=1",
    )


async def test_only_what_boto3_sends_waits_for_leave_to_be_sent() -> None:
    async with fake_s3(tls=True) as fake, S3ObjectStore(fake.settings) as store:
        await store.put("key", bytes(10_000), crc64nvme=0)
        await store.upload_part("key", "id", 1, bytes(10_000), crc64nvme=0)
        await store.put("key", bytes(MIB), crc64nvme=0)
    assert ["expect" in asked.headers for asked in fake.asked] == [False, False, True]


async def test_a_whole_object_is_promised_and_checked() -> None:
    body = b"<R><Key>key</Key><UploadId>id</UploadId></R>"
    done = f"<R><ChecksumCRC64NVME>{header(b'whole')}</ChecksumCRC64NVME></R>".encode()
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering("200 OK", body)
        assert await store.create_multipart("key") == "id"
        fake.answer = answering("200 OK", done)
        await store.complete_multipart("key", "id", [PART], crc64nvme=crc64nvme(b"whole"))
    begun, completed = fake.asked
    assert begun.headers["x-amz-checksum-algorithm"] == "CRC64NVME"
    assert begun.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert completed.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert completed.headers["x-amz-checksum-crc64nvme"] == header(b"whole")
    assert completed.headers["x-amz-mp-object-size"] == "5"
    assert b"<PartNumber>7</PartNumber>" in completed.body


async def test_the_proxies_of_the_environment_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        await store.put("key", b"x", crc64nvme=0)
    assert len(fake.asked) == 1


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(S3Settings(bucket="bucket", secret_key="hush"))


# ── Trouble ──────────────────────────────────────────────────────────────────────────────────


async def test_a_closed_port_means_that_the_store_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and nobody listens
        settings = replace(SETTINGS, endpoint_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        async with S3ObjectStore(settings) as store:
            with pytest.raises(StoreUnavailableError):
                await store.probe()
            with pytest.raises(StoreUnavailableError):
                await store.put("key", bytes(MIB), crc64nvme=0)
            with pytest.raises(StoreUnavailableError):
                await read_all(store, 1)


async def test_a_store_that_does_not_answer_in_time_is_unavailable() -> None:
    async def never(_: Asked, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    template = replace(SETTINGS, read_timeout_seconds=0.2)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = never
        with pytest.raises(StoreUnavailableError):
            await store.probe()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("attempts", [1, 2])
async def test_attempts_are_counted(attempts: int, tls: bool) -> None:
    body = bytes(MIB)
    template = replace(SETTINGS, attempts=attempts)
    async with fake_s3(template, tls=tls) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering("503 Slow Down", error("SlowDown"))
        with pytest.raises(StoreUnavailableError, match="SlowDown"):
            await store.put("key", body, crc64nvme=0)
    assert [asked.body for asked in fake.asked] == [body] * attempts


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("404 Not Found", "NoSuchKey", EntryMissingError),
        ("404 Not Found", "NoSuchUpload", UploadGoneError),
        ("400 Bad Request", "BadDigest", StoreUnavailableError),
        ("403 Forbidden", "AccessDenied", StoreUnavailableError),
        ("404 Not Found", "NoSuchBucket", StoreUnavailableError),
        ("500 Internal", "InternalError", StoreUnavailableError),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
async def test_the_store_s_errors_become_ours(
    status: str,
    code: str,
    expected: type[TransferError],
    tls: bool,
) -> None:
    async with fake_s3(tls=tls) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering(status, error(code))
        with pytest.raises(expected) as caught:
            await store.upload_part("key", "id", 1, b"x", crc64nvme=0)
    assert caught.type is expected
    assert caught.value.__cause__ is not None
    assert "key" not in caught.value.message


async def test_a_bucket_that_is_not_there_is_not_ready() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering("404 Not Found")
        with pytest.raises(StoreUnavailableError, match="no bucket"):
            await store.probe()


async def test_a_store_that_ignores_checksums_is_found_out() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        assert not await store.refuses_damage()
        assert [asked.method for asked in fake.asked] == ["PUT", "POST"]  # the POST deletes it


async def test_a_completion_without_a_checksum_in_its_answer_is_looked_at() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            found = answering("200 OK", length=5, x_amz_checksum_crc64nvme=header(b"whole"))
            await found(asked, writer)
        else:
            await answering("200 OK", b"<R></R>")(asked, writer)

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answer
        await store.complete_multipart("key", "id", [PART], crc64nvme=crc64nvme(b"whole"))
        with pytest.raises(DigestMismatchError):
            await store.complete_multipart("key", "id", [PART], crc64nvme=crc64nvme(b"other"))
    assert [asked.method for asked in fake.asked] == ["POST", "HEAD"] * 2


async def test_to_delete_what_is_gone_already_is_no_error() -> None:
    gone = "<Error><Key>key</Key><Code>NoSuchVersion</Code></Error>"

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "POST":
            await answering("200 OK", f"<R>{gone}</R>".encode())(asked, writer)
        else:
            await answering("404 Not Found", error("NoSuchUpload"))(asked, writer)

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answer
        await store.delete_items([VERSION, MULTIPART])
        await store.abort_multipart("key", "id")
    assert [asked.method for asked in fake.asked] == ["POST", "DELETE", "DELETE"]


async def test_a_deletion_that_is_refused_is_told() -> None:
    locked = b"<R><Error><Key>key</Key><Code>AccessDenied</Code></Error></R>"
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering("200 OK", locked)
        for deletion in (store.delete(["key"]), store.delete_items([VERSION])):
            with pytest.raises(StoreUnavailableError, match="AccessDenied"):
                await deletion
        fake.answer = answering("403 Forbidden", error("AccessDenied"))
        for deletion in (store.delete_items([MULTIPART]), store.abort_multipart("key", "id")):
            with pytest.raises(StoreUnavailableError, match="AccessDenied"):
                await deletion


async def test_versions_that_come_back_are_told() -> None:
    deleted = b"<R><Deleted><Key>key</Key><DeleteMarker>true</DeleteMarker></Deleted></R>"
    version = b"<R><Version><Key>key</Key><VersionId>v</VersionId><Size>1</Size></Version></R>"

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        body = deleted if asked.method == "POST" else version
        await answering("200 OK", body)(asked, writer)

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answer
        with pytest.raises(StoreUnavailableError, match="keeps versions"):
            await store.delete(["key"])


async def test_a_bucket_is_created_unless_it_is_there() -> None:
    async def missing(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await answering("404 Not Found" if asked.method == "HEAD" else "200 OK")(asked, writer)

    async def taken(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            await answering("404 Not Found")(asked, writer)
        else:
            await answering("409 Conflict", error("BucketAlreadyOwnedByYou"))(asked, writer)

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        await store.ensure_bucket()
        fake.answer = missing
        await store.ensure_bucket()
        fake.answer = taken
        await store.ensure_bucket()
        fake.answer = answering("403 Forbidden")
        with pytest.raises(StoreUnavailableError):
            await store.ensure_bucket()
    methods = [asked.method for asked in fake.asked]
    assert methods == ["HEAD", "HEAD", "PUT", "HEAD", "PUT", "HEAD"]
