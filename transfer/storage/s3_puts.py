"""Objects and parts on their way to S3, sent from the loop itself.

What boto3 does around one request, and the thread that it needs, costs several times the CPU of
sending 10 KiB, and a good part of that of sending 16 MiB. So these go by connections and under a
signature of our own; what is checked, retried and raised is as of boto3's requests.

Source: facts/data-path.md, small files; ADR 0015, ADR 0036.
"""

import asyncio
import re
import ssl
from typing import NamedTuple
from urllib.parse import quote

import stamina
from botocore.compat import get_current_datetime
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import get_cert_path
from yarl import URL

from transfer.core.errors import TransferError
from transfer.ports import Buffer
from transfer.storage.s3_client import S3Settings
from transfer.storage.s3_customer_keys import headers as key_headers
from transfer.storage.s3_errors import error_of_answer, is_passing, no_answer, translated
from transfer.storage.s3_put_links import PutLinks
from transfer.storage.s3_signatures import Signer

SMALL_BYTES = 1 << 18
"""Up to here the loop is busy with an object for less time than a thread takes to be woken."""

_CODE = re.compile(rb"<Code>([^<]{1,100})</Code>")


class Puts:
    """Stores objects and parts in one bucket. It belongs to the loop that it was made in.

    `endpoint_url` is where botocore would send to; `credentials` are those it found. `takes_long`
    is whether bodies above `SMALL_BYTES` are for this, too: under TLS the loop would be busy with
    them for too long.
    """

    def __init__(
        self,
        settings: S3Settings,
        *,
        endpoint_url: str,
        credentials: Credentials | None,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._base = URL(
            f"{endpoint_url.rstrip('/')}/{quote(settings.bucket, safe='')}/", encoded=True
        )
        self._signer = Signer(self._base.host_port_subcomponent or "", settings.region)
        self._path = self._base.raw_path
        self.takes_long = self._base.scheme != "https"
        self._trust = None if self.takes_long else _trust(settings)
        self._links = self._new_links(settings.small_connections)
        self._long_links = self._new_links(settings.write_threads)

    def _new_links(self, limit: int) -> PutLinks:
        return PutLinks(
            self._base.host or "",
            self._base.port or 0,
            trust=self._trust,
            limit=limit,
            connect_seconds=self._settings.connect_timeout_seconds,
            read_seconds=self._settings.read_timeout_seconds,
        )

    async def close(self) -> None:
        """Drop the connections."""
        await self._links.close()
        await self._long_links.close()

    async def put(
        self,
        key: str,
        body: Buffer,
        *,
        checksum: str,
        damaged: type[TransferError],
        customer_key: bytes | None = None,
        query: str = "",
    ) -> str:
        """Store `body`, whose CRC64NVME the store checks; `damaged` if it finds another one.

        `query` says what it is if it isn't an object, sorted and quoted. Return the ETag.
        """
        described = {"x-amz-checksum-crc64nvme": checksum, **key_headers(customer_key)}
        target = _Target(self._path + quote(key, safe="/~"), query)
        try:
            return await self._once(target, body, described, damaged)
        except _PassingError as exc:
            if self._settings.attempts < 2:
                raise exc.meaning from exc
        # The first failure is often that of a connection which the store had closed meanwhile:
        # so once more at once, and only then with growing pauses.
        try:
            async for attempt in stamina.retry_context(
                on=_PassingError,
                attempts=self._settings.attempts - 1,
                timeout=None,
                wait_initial=0.1,
                wait_max=5.0,
                wait_jitter=0.2,
            ):
                with attempt:
                    return await self._once(target, body, described, damaged)
        except _PassingError as exc:
            raise exc.meaning from exc
        raise AssertionError

    async def _once(
        self,
        target: "_Target",
        body: Buffer,
        described: dict[str, str],
        damaged: type[TransferError],
    ) -> str:
        links = self._links if memoryview(body).nbytes <= SMALL_BYTES else self._long_links
        headers = self._signer.signed(
            target.path, described, await self._frozen(), get_current_datetime(), target.query
        )
        try:
            answer = await links.put(target.line, headers, body)
        except (TimeoutError, OSError) as exc:
            raise _PassingError(no_answer()) from exc
        if answer.status == 200:
            return answer.etag
        code = _code_of(answer.status, answer.text)
        meaning = error_of_answer(code, damaged)
        refusal = _RefusalError(f"{answer.status} {code}")
        if is_passing(answer.status, code):
            raise _PassingError(meaning) from refusal
        raise meaning from refusal

    async def _frozen(self) -> ReadOnlyCredentials:
        credentials = self._credentials
        if credentials is None:
            raise no_answer() from NoCredentialsError()
        if isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed():
            # Those of a machine's role are asked for over the network.
            with translated():
                return await asyncio.to_thread(credentials.get_frozen_credentials)
        return credentials.get_frozen_credentials()


class _Target(NamedTuple):
    """What a PUT is to."""

    path: str
    query: str

    @property
    def line(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class _RefusalError(Exception):
    """What the store has said, for the log."""


class _PassingError(Exception):
    """A failure that may be over by the next try; `meaning` is what it is told as."""

    def __init__(self, meaning: TransferError) -> None:
        super().__init__()
        self.meaning = meaning


def _trust(settings: S3Settings) -> ssl.SSLContext:
    """Return what botocore would trust, too."""
    return ssl.create_default_context(cafile=settings.ca_file or get_cert_path(verify=True))


def _code_of(status: int, text: bytes) -> str:
    """Return the store's own name of an error; for an answer without a body, its HTTP status."""
    found = _CODE.search(text)
    return found[1].decode("ascii", "replace") if found else str(status)
