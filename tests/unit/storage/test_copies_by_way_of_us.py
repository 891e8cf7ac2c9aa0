"""Copies of what is encrypted, from a store that doesn't offer them."""

import asyncio
import random
from dataclasses import replace

import pytest

from tests.keys import KEY, OTHER_KEY
from tests.unit.storage.fake_s3 import Asked, FakeS3, answering, fake_s3
from transfer.core.errors import EntryMissingError, StoreUnavailableError, UploadGoneError
from transfer.storage.s3 import S3ObjectStore

MIB = 1 << 20
BODY = random.Random(8).randbytes(3 * MIB + 77)
START, SIZE = 5, 3 * MIB
NOT_OFFERED = answering("501 Not Implemented", b"<Error><Code>NotImplemented</Code></Error>")
ETAG = answering("200 OK", ETag='"e"')


class Copier:
    """Answers like a store that copies nothing encrypted; what it is to do wrong comes first."""

    def __init__(self, fake: FakeS3) -> None:
        self.fake = fake
        self.short = False
        self.broken_reads = 0
        self.uploads = [ETAG]
        self.ranges: list[str] = []
        fake.answer = self.answer

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if "x-amz-copy-source" in asked.headers:
            await NOT_OFFERED(asked, writer)
        elif asked.method == "PUT":
            await self.uploads.pop(0)(asked, writer)
        else:
            await self._read(asked, writer)

    async def _read(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.ranges.append(asked.headers["range"])
        first, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
        content = BODY[int(first) : int(last) + 1]
        end = int(last) - 1 if self.short else int(last)
        answer = answering(
            "206 Partial Content",
            content[: MIB + 9] if self.broken_reads else content,
            length=len(content),
            Content_Range=f"bytes {first}-{end}/{len(BODY)}",
        )
        await answer(asked, writer)
        if self.broken_reads:
            self.broken_reads -= 1
            writer.close()


async def copy(store: S3ObjectStore, source_key: bytes | None = OTHER_KEY) -> str:
    return await store.copy_part(
        "key",
        "id",
        1,
        source="from",
        start=START,
        size=SIZE,
        customer_key=KEY,
        source_key=source_key,
    )


def sent(fake: FakeS3) -> list[bytes]:
    return [asked.body for asked in fake.asked if asked.method == "PUT" and asked.body]


async def test_what_the_store_does_not_copy_is_read_and_sent_back() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        copier = Copier(fake)
        assert await copy(store) == '"e"'
    assert copier.ranges == [f"bytes={START}-{START + SIZE - 1}"]
    assert sent(fake) == [BODY[START : START + SIZE]]


async def test_a_part_that_fails_is_read_and_sent_again() -> None:
    async with fake_s3() as fake:
        copier = Copier(fake)
        copier.uploads.insert(0, answering("503 Busy", b"<Error><Code>SlowDown</Code></Error>"))
        async with S3ObjectStore(replace(fake.settings, attempts=2)) as store:
            assert await copy(store) == '"e"'
    assert len(copier.ranges) == 2
    assert sent(fake)[-1] == BODY[START : START + SIZE]


async def test_a_source_that_breaks_off_makes_no_part() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        copier = Copier(fake)
        copier.broken_reads = 1
        with pytest.raises(StoreUnavailableError):
            await copy(store)
    assert sent(fake) == []


async def test_a_source_that_is_too_short_makes_no_part() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        Copier(fake).short = True
        with pytest.raises(StoreUnavailableError, match="fewer bytes"):
            await copy(store)
    assert sent(fake) == []


async def test_what_is_missing_is_told_as_ever() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        copier = Copier(fake)
        no_upload = b"<Error><Code>NoSuchUpload</Code></Error>"
        copier.uploads = [answering("404 Not Found", no_upload)]
        with pytest.raises(UploadGoneError):
            await copy(store)
        fake.answer = answering("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>")
        with pytest.raises(EntryMissingError):
            await copy(store)


async def test_what_is_not_encrypted_never_comes_by_way_of_us() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        copier = Copier(fake)
        with pytest.raises(StoreUnavailableError, match="NotImplemented"):
            await copy(store, source_key=None)
    assert copier.ranges == []
