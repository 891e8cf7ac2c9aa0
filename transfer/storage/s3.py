"""The object store over S3: boto3 in threads, and what is sent most from the loop itself.

Writes, reads, short calls and long assemblies have a pool each, so that none can starve another.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack
from datetime import timedelta
from functools import partial
from typing import IO, TYPE_CHECKING, Self, TypeVar, cast
from urllib.parse import quote

from boto3.session import Session

from transfer.core.errors import (
    DigestMismatchError,
    EntryMissingError,
    StoreUnavailableError,
    TransferError,
    UploadGoneError,
)
from transfer.core.uploads import Part
from transfer.ports import Buffer, StoredItem
from transfer.storage.pipes import PipeSupply
from transfer.storage.s3_bodies import SLICE_BYTES, OutgoingBody
from transfer.storage.s3_bucket import (
    delete_every_version,
    delete_items,
    ensure_bucket,
    list_everything,
)
from transfer.storage.s3_client import S3Settings, credentials_of, make_client
from transfer.storage.s3_copies import PartCopy, copy_part
from transfer.storage.s3_customer_keys import parameters
from transfer.storage.s3_downloads import Download
from transfer.storage.s3_errors import translated
from transfer.storage.s3_listing import list_page
from transfer.storage.s3_puts import SMALL_BYTES, Puts

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef  # installed with the tests only

T = TypeVar("T")

_CALL_THREADS = 8
_ASSEMBLY_THREADS = 4
_SPARE_CONNECTIONS = 64
"""Kept open besides one a thread: a download holds its connection while its client is slow."""

_PROBE_KEY = "probe/checksum"


class S3ObjectStore:
    """`transfer.ports.ObjectStore` on a bucket of an S3-compatible store.

    With a `customer_key`, plays `transfer.storage.keyed.CustomerKeyStore` as well, by SSE-C.
    Open it before use, as a context manager or by hand, in the loop that uses it. A cancelled write
    lets go of its buffer at once, and leaves open whether it was stored. ETags are kept as the
    store spells them.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._bucket = settings.bucket
        self._stack = ExitStack()

    async def open(self) -> None:
        """Make clients and threads; connects to nothing yet."""
        await asyncio.to_thread(self._open)
        url = self._client.meta.endpoint_url
        self._puts = Puts(self._settings, endpoint_url=url, credentials=self._credentials)

    async def close(self) -> None:
        """Drop the connections; requests in threads end first, within their timeouts.

        A connection that the loop sends by is dropped when its request ends.
        """
        await self._puts.close()
        await asyncio.to_thread(self._stack.close)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # ── The bucket ───────────────────────────────────────────────────────────────────────────

    async def ensure_bucket(self) -> None:
        """Create the bucket unless it is there."""
        await self._in(self._calls, lambda: ensure_bucket(self._client, self._settings))

    async def probe(self) -> None:
        """Raise StoreUnavailableError unless the bucket answers."""
        try:
            await self._in(self._calls, lambda: self._client.head_bucket(Bucket=self._bucket))
        except EntryMissingError as exc:
            raise StoreUnavailableError(f"There is no bucket {self._bucket}.") from exc

    async def refuses_damage(self) -> bool:
        """Whether the store really checks CRC64NVME; some that speak S3 ignore it."""
        try:
            await self._put(_PROBE_KEY, b"probe", 0, damaged=DigestMismatchError)
        except DigestMismatchError:
            return True
        await self.delete([_PROBE_KEY])
        return False

    # ── Writing ──────────────────────────────────────────────────────────────────────────────

    async def put(
        self, key: str, body: Buffer, *, crc64nvme: int, customer_key: bytes | None = None
    ) -> None:
        """Store `body` whole; it is durable on return."""
        await self._put(key, body, crc64nvme, customer_key=customer_key)

    async def create_multipart(self, key: str, *, customer_key: bytes | None = None) -> str:
        """Begin a multipart upload whose checksum will be that of the whole object."""
        answer = await self._in(
            self._calls,
            lambda: self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ChecksumAlgorithm="CRC64NVME",
                ChecksumType="FULL_OBJECT",
                **parameters(customer_key),
            ),
        )
        return answer["UploadId"]

    async def upload_part(
        self,
        key: str,
        multipart_id: str,
        part_number: int,
        body: Buffer,
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,
    ) -> str:
        """Store one part.

        Raises:
            UploadGoneError: no such multipart upload.
        """
        checksum = _header(crc64nvme)
        if self._puts.takes_long:
            etag = await self._puts.put(
                key,
                body,
                checksum=checksum,
                damaged=StoreUnavailableError,
                customer_key=customer_key,
                query=f"partNumber={part_number}&uploadId={quote(multipart_id, safe='~')}",
            )
            if not etag:
                raise StoreUnavailableError("The object store doesn't say what it has stored.")
            return etag
        answer = await self._send(
            body,
            lambda content: self._client.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=multipart_id,
                PartNumber=part_number,
                Body=content,
                ChecksumCRC64NVME=checksum,
                **parameters(customer_key),
            ),
        )
        return answer["ETag"]

    async def copy_part(  # noqa: PLR0913 -- the role's, and two keys
        self,
        key: str,
        multipart_id: str,
        part_number: int,
        *,
        source: str,
        start: int,
        size: int,
        customer_key: bytes | None = None,
        source_key: bytes | None = None,
    ) -> str:
        """Make a range of another object a part.

        Raises:
            EntryMissingError: no object `source`.
            UploadGoneError: no such multipart upload.
        """
        copy = PartCopy(
            bucket=self._bucket,
            key=key,
            multipart_id=multipart_id,
            part_number=part_number,
            source=source,
            start=start,
            size=size,
            customer_key=customer_key,
            source_key=source_key,
        )
        return await self._in(self._assemblies, lambda: copy_part(self._assembler, copy))

    async def complete_multipart(
        self,
        key: str,
        multipart_id: str,
        parts: Sequence[Part],
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,
    ) -> None:
        """Put the parts together; the store checks the whole against `crc64nvme`.

        The parts are named by number and ETag alone: the checksum of the whole covers them, also
        those that were copied and whose own checksum nobody here knows.
        """
        size = sum(part.size for part in parts)
        try:
            answer = await self._in(
                self._assemblies,
                lambda: self._assembler.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=multipart_id,
                    MultipartUpload={
                        "Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
                    },
                    MpuObjectSize=size,
                    ChecksumCRC64NVME=_header(crc64nvme),
                    ChecksumType="FULL_OBJECT",
                    **parameters(customer_key),
                ),
                damaged=DigestMismatchError,
            )
        except UploadGoneError:
            await self._check_finished(key, size, crc64nvme, customer_key)
        else:
            # SeaweedFS says yes to whoever repeats a completion, whatever checksum they expect.
            if answer.get("ChecksumCRC64NVME") != _header(crc64nvme):
                await self._check_finished(key, size, crc64nvme, customer_key)

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Forget a multipart upload and its parts, if it is there."""
        try:
            await self._in(
                self._calls,
                lambda: self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=multipart_id
                ),
            )
        except UploadGoneError:
            return

    # ── Reading ──────────────────────────────────────────────────────────────────────────────

    def read(
        self, key: str, start: int, size: int, *, customer_key: bytes | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream a range of an object, as one request; none at all for a `size` of 0.

        Only where the store breaks off there is one more, for the rest.

        Raises:
            EntryMissingError: no such object.
            StoreUnavailableError: also when the object has fewer bytes.
        """

        def request(asked: str) -> "GetObjectOutputTypeDef":
            return self._client.get_object(
                Bucket=self._bucket, Key=key, Range=asked, **parameters(customer_key)
            )

        return Download(
            self._reads,
            request,
            start,
            size,
            supply=self._pipes,
            timeout_seconds=self._settings.read_timeout_seconds,
        )

    async def presign(self, key: str, *, lifetime: timedelta, disposition: str) -> str | None:
        """Return a URL at the store that gives the object to anyone for `lifetime`."""
        request = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": disposition,
            "ResponseContentType": "application/octet-stream",
            "ResponseCacheControl": "private, no-store",
        }
        seconds = max(1, int(lifetime.total_seconds()))
        return await self._in(
            self._calls,
            lambda: self._client.generate_presigned_url(
                "get_object", Params=request, ExpiresIn=seconds
            ),
        )

    # ── Listing and deleting ─────────────────────────────────────────────────────────────────

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete every version of each of `keys`, if there."""
        await self._in(self._calls, lambda: delete_every_version(self._client, self._bucket, keys))

    async def list_everything(self, prefix: str, limit: int = 1000) -> list[StoredItem]:
        """List what is below `prefix`; see `transfer.storage.s3_bucket.list_everything`."""
        return await self._in(
            self._calls, lambda: list_everything(self._client, self._bucket, prefix, limit)
        )

    async def list_page(
        self, prefix: str, after: str | None, limit: int = 1000
    ) -> tuple[list[StoredItem], str | None]:
        """List a page of what is below `prefix`; see `transfer.storage.s3_listing`."""
        return await self._in(
            self._calls, lambda: list_page(self._client, self._bucket, prefix, after, limit)
        )

    async def delete_items(self, items: Sequence[StoredItem]) -> None:
        """Delete exactly these; multipart uploads are aborted."""
        await self._in(self._calls, lambda: delete_items(self._client, self._bucket, items))

    # ── Threads ──────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        settings, session = self._settings, Session()
        self._credentials = credentials_of(settings, session)
        self._client = make_client(
            settings,
            session,
            read_timeout_seconds=settings.read_timeout_seconds,
            connections=settings.write_threads
            + settings.read_threads
            + _CALL_THREADS
            + _SPARE_CONNECTIONS,
        )
        self._stack.callback(self._client.close)
        is_plain = self._client.meta.endpoint_url.startswith("http:")
        self._pipes = PipeSupply() if is_plain else None
        # A store may work in silence for long before it answers, and then only to these.
        self._assembler = make_client(
            settings,
            session,
            read_timeout_seconds=settings.assembly_timeout_seconds,
            connections=2 * _ASSEMBLY_THREADS,  # a copy may read by one and send by the other
        )
        self._stack.callback(self._assembler.close)
        self._writes = self._stack_pool("s3-write", settings.write_threads)
        self._reads = self._stack_pool("s3-read", settings.read_threads)
        self._calls = self._stack_pool("s3-call", _CALL_THREADS)
        self._assemblies = self._stack_pool("s3-assembly", _ASSEMBLY_THREADS)

    def _stack_pool(self, name: str, threads: int) -> ThreadPoolExecutor:
        return self._stack.enter_context(ThreadPoolExecutor(threads, thread_name_prefix=name))

    async def _in(
        self,
        pool: Executor,
        request: Callable[[], T],
        *,
        damaged: type[TransferError] = StoreUnavailableError,
    ) -> T:
        with translated(damaged=damaged):
            return await asyncio.get_running_loop().run_in_executor(pool, request)

    async def _put(
        self,
        key: str,
        body: Buffer,
        crc64nvme: int,
        *,
        customer_key: bytes | None = None,
        damaged: type[TransferError] = StoreUnavailableError,
    ) -> None:
        checksum = _header(crc64nvme)
        if self._puts.takes_long or memoryview(body).nbytes <= SMALL_BYTES:
            await self._puts.put(
                key, body, checksum=checksum, damaged=damaged, customer_key=customer_key
            )
            return
        await self._send(
            body,
            lambda content: self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ChecksumCRC64NVME=checksum,
                **parameters(customer_key),
            ),
            damaged=damaged,
        )

    async def _send(
        self,
        body: Buffer,
        request: Callable[["IO[bytes]"], T],
        *,
        damaged: type[TransferError] = StoreUnavailableError,
    ) -> T:
        # boto3 asks leave to send a file ("Expect: 100-continue"), and that round trip costs a
        # small part a third of its time; a bytearray it sends at once.
        small = memoryview(body).nbytes <= SLICE_BYTES
        content = bytearray(body) if small else OutgoingBody(body)
        send = partial(request, cast("IO[bytes]", content))  # boto3 takes more than its stubs say
        try:
            return await self._in(self._writes, send, damaged=damaged)
        finally:
            if isinstance(content, OutgoingBody):
                content.abandon()

    async def _check_finished(
        self, key: str, size: int, crc64nvme: int, customer_key: bytes | None
    ) -> None:
        try:
            found = await self._in(
                self._calls,
                lambda: self._client.head_object(
                    Bucket=self._bucket,
                    Key=key,
                    ChecksumMode="ENABLED",
                    **parameters(customer_key),
                ),
            )
        except EntryMissingError as exc:
            raise UploadGoneError("Neither the upload nor its object is in the store.") from exc
        if (found["ContentLength"], found.get("ChecksumCRC64NVME")) != (size, _header(crc64nvme)):
            raise DigestMismatchError("The stored object is not the one that was sent.")


def _header(crc64nvme: int) -> str:
    return b64encode(crc64nvme.to_bytes(8, "big")).decode()
