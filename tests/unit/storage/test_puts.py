"""Small objects, which go to the store without boto3: the same checks, retries and errors."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from tests.unit.storage.fake_s3 import OK, SETTINGS, Asked, FakeS3, answering, fake_s3
from transfer.core.errors import DigestMismatchError, StoreUnavailableError
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_puts import SMALL_BYTES, Puts

TRYING = replace(SETTINGS, attempts=3)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


class Answers:
    """Gives one answer after the other, then OK."""

    def __init__(self, *answers: bytes | None) -> None:
        self.left = list(answers)

    async def __call__(self, _: Asked, writer: asyncio.StreamWriter) -> None:
        answer = self.left.pop(0) if self.left else OK
        if answer is None:
            raise ConnectionAbortedError
        writer.write(answer)


BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"


async def put(store: S3ObjectStore, body: bytes = b"x" * 1000) -> None:
    await store.put("key", body, crc64nvme=0)


@pytest.mark.parametrize("first", [BUSY, None], ids=["busy", "cut"])
async def test_a_failure_that_passes_is_tried_again(first: bytes | None) -> None:
    async with fake_s3(TRYING) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = Answers(first, first)
        await put(store)
    assert [asked.body for asked in fake.asked] == [b"x" * 1000] * 3


@pytest.mark.parametrize("attempts", [1, 2, 3])
async def test_one_that_does_not_pass_is_told_after_as_many_tries_as_are_allowed(
    attempts: int,
) -> None:
    template = replace(SETTINGS, attempts=attempts)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = Answers(*[BUSY] * 5)
        with pytest.raises(StoreUnavailableError, match="503"):
            await put(store)
    assert len(fake.asked) == attempts


async def test_a_code_that_asks_for_another_try_gets_one() -> None:
    async with fake_s3(TRYING) as fake, S3ObjectStore(fake.settings) as store:
        slow_down = error("SlowDown")
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(slow_down)}\r\n\r\n".encode()
        fake.answer = Answers(head + slow_down)
        await put(store)
    assert len(fake.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        ("403 Forbidden", error("AccessDenied"), "AccessDenied"),
        ("403 Forbidden", b"", "403"),
        ("301 Moved Permanently", error("PermanentRedirect"), "PermanentRedirect"),
        ("400 Bad Request", error("BadDigest"), "checksum"),
    ],
)
async def test_a_refusal_is_told_and_not_repeated(status: str, body: bytes, told: str) -> None:
    async with fake_s3(TRYING) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering(status, body, Location="/elsewhere")
        with pytest.raises(StoreUnavailableError, match=told):
            await put(store)
    assert len(fake.asked) == 1


async def test_a_store_that_checks_is_known_by_its_refusal() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering("400 Bad Request", error("BadDigest"))
        assert await store.refuses_damage()


async def test_a_store_that_is_silent_for_too_long_is_unavailable() -> None:
    async def silent(_: Asked, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    template = replace(SETTINGS, read_timeout_seconds=0.2)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = silent
        with pytest.raises(StoreUnavailableError):
            await put(store)


async def test_a_cancelled_put_ends_at_once() -> None:
    begun = asyncio.Event()

    async def silent(_: Asked, __: asyncio.StreamWriter) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = silent
        putting = asyncio.create_task(put(store))
        await asyncio.wait_for(begun.wait(), 20)
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting


async def test_connections_are_used_again_and_are_no_more_than_allowed() -> None:
    template = replace(SETTINGS, small_connections=4)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        for _ in range(3):
            await asyncio.gather(*(put(store) for _ in range(20)))
        assert 1 <= len(fake.connections) <= 4
    assert len(fake.asked) == 60


async def test_a_closed_store_leaves_no_connection() -> None:
    async with fake_s3() as fake:
        async with S3ObjectStore(fake.settings) as store:
            await put(store)
        await asyncio.wait_for(asyncio.gather(*fake.connections), 20)


@pytest.mark.parametrize("tls", [False, True])
async def test_what_is_larger_goes_by_boto3_where_there_is_tls(tls: bool) -> None:
    async with fake_s3(tls=tls) as fake, S3ObjectStore(fake.settings) as store:
        await put(store, bytes(SMALL_BYTES))
        await put(store, bytes(SMALL_BYTES + 1))
    agents = [asked.headers.get("user-agent", "") for asked in fake.asked]
    assert ["Boto3" in agent for agent in agents] == [False, tls]


# ── Who we are ───────────────────────────────────────────────────────────────────────────────


async def a_put_as(fake: FakeS3, credentials: Credentials | None) -> None:
    url = fake.settings.endpoint_url or ""
    puts = Puts(fake.settings, endpoint_url=url, credentials=credentials)
    try:
        await puts.put("key", b"x", checksum="AAAAAAAAAAA=", damaged=DigestMismatchError)
    finally:
        await puts.close()


async def test_the_token_of_a_role_goes_along() -> None:
    async with fake_s3() as fake:
        await a_put_as(fake, Credentials("access", "secret", "its token"))
    headers = fake.asked[0].headers
    assert headers["x-amz-security-token"] == "its token"
    assert "x-amz-security-token" in headers["authorization"]


async def test_credentials_that_run_out_are_renewed() -> None:
    names = iter(("first", "second"))

    def renewed() -> dict[str, str]:
        until = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - botocore asks no clock of ours
        return {
            "access_key": next(names),
            "secret_key": "secret",
            "token": "token",
            "expiry_time": until.isoformat(),
        }

    soon = datetime.now(UTC) + timedelta(minutes=1)  # noqa: TID251 - as above
    credentials = RefreshableCredentials(
        "old", "secret", "token", soon, refresh_using=renewed, method="test"
    )
    async with fake_s3() as fake:
        await a_put_as(fake, credentials)
        await a_put_as(fake, credentials)
    assert ["Credential=first/" in asked.headers["authorization"] for asked in fake.asked] == [
        True,
        True,
    ]


async def test_without_credentials_nothing_is_asked() -> None:
    async with fake_s3() as fake:
        with pytest.raises(StoreUnavailableError):
            await a_put_as(fake, None)
    assert fake.asked == []


async def test_those_of_the_environment_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-outside")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    template = replace(SETTINGS, access_key=None, secret_key=None)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        await put(store)
    assert "Credential=from-outside/" in fake.asked[0].headers["authorization"]


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────


async def test_under_tls_the_store_must_be_one_that_is_trusted() -> None:
    async with fake_s3(tls=True) as fake:
        async with S3ObjectStore(replace(fake.settings, ca_file=None)) as store:
            with pytest.raises(StoreUnavailableError):
                await put(store)
        async with S3ObjectStore(fake.settings) as store:
            await put(store)
    assert [asked.body for asked in fake.asked] == [b"x" * 1000]
