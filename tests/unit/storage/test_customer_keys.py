"""Keys on the wire: which requests bring one along, and that none does where there is none."""

from base64 import b64encode
from hashlib import md5

import pytest
from awscrt.checksums import crc64nvme

from tests.keys import KEY, OTHER_KEY
from tests.unit.storage.fake_s3 import FakeS3, answering, fake_s3
from transfer.core.errors import TransferError
from transfer.core.uploads import Part
from transfer.storage.s3 import S3ObjectStore

MIB = 1 << 20
PART = Part(number=7, start=0, size=5, etag='"e"', crc64nvme=0)
NAMES = "x-amz-server-side-encryption-customer-"
COPY_NAMES = "x-amz-copy-source-server-side-encryption-customer-"


def brought(asked: dict[str, str], names: str = NAMES) -> dict[str, str]:
    return {
        name.removeprefix(names): value for name, value in asked.items() if name.startswith(names)
    }


def as_headers(key: bytes) -> dict[str, str]:
    checksum = md5(key, usedforsecurity=False).digest()
    return {
        "algorithm": "AES256",
        "key": b64encode(key).decode(),
        "key-md5": b64encode(checksum).decode(),
    }


async def ask_everything(store: S3ObjectStore, key: bytes | None, source: bytes | None) -> None:
    """Ask all that an object's key belongs to; what the answers are like doesn't matter."""
    crc = crc64nvme(bytes(MIB))
    await store.put("key", b"small", crc64nvme=crc64nvme(b"small"), customer_key=key)
    await store.put("key", bytes(MIB), crc64nvme=crc, customer_key=key)
    await store.upload_part("key", "id", 1, bytes(MIB), crc64nvme=crc, customer_key=key)
    with pytest.raises(KeyError):
        await store.create_multipart("key", customer_key=key)
    with pytest.raises(KeyError):
        await store.copy_part(
            "key", "id", 1, source="from", start=0, size=1, customer_key=key, source_key=source
        )
    with pytest.raises(TransferError):
        async with store.read("key", 0, 1, customer_key=key):
            pytest.fail("it gave something")
    # It answers without a checksum, so the finished object is looked at: that is a HEAD.
    with pytest.raises(TransferError):
        await store.complete_multipart("key", "id", [PART], crc64nvme=0, customer_key=key)


async def requests(fake: FakeS3, key: bytes | None, source: bytes | None) -> list[dict[str, str]]:
    fake.answer = answering("200 OK", b"", ETag='"e"')
    async with S3ObjectStore(fake.settings) as store:
        await ask_everything(store, key, source)
    assert [asked.method for asked in fake.asked].count("HEAD") == 1
    assert len(fake.asked) == 8
    return [asked.headers for asked in fake.asked]


async def test_every_request_about_an_encrypted_object_brings_its_key() -> None:
    async with fake_s3() as fake:
        asked = await requests(fake, KEY, OTHER_KEY)
    assert all(brought(headers) == as_headers(KEY) for headers in asked)
    assert [brought(headers, COPY_NAMES) for headers in asked if COPY_NAMES + "key" in headers] == [
        as_headers(OTHER_KEY)
    ]


async def test_keys_are_signed_with_their_requests() -> None:
    async with fake_s3() as fake:
        asked = await requests(fake, KEY, None)
    for headers in asked:
        signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
        assert f"{NAMES}key" in signed.split(";")


async def test_where_nothing_is_encrypted_no_request_says_anything_of_keys() -> None:
    async with fake_s3() as fake:
        asked = await requests(fake, None, None)
    assert not any("encryption" in name for headers in asked for name in headers)
