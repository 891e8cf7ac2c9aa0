"""tus 1.0.0, the core protocol and the extensions that `tus_headers.EXTENSIONS` names.

Source: tus.io, resumable upload protocol 1.0.0.
"""

from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from multidict import CIMultiDict

from transfer.core.access import Principal
from transfer.core.concatenation import Concatenation, check_takes_bytes
from transfer.core.digests import check_promise
from transfer.core.errors import (
    InvalidRequestError,
    LengthMismatchError,
    OffsetMismatchError,
    UploadBusyError,
)
from transfer.core.names import CasePath
from transfer.core.uploads import Concat, Upload, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.deliveries import Delivery
from transfer.engine.writer import UploadWriter
from transfer.http import tus_headers as headers
from transfer.http.bodies import body_of, check_unencoded, has_body
from transfer.http.digests import promised_sha256
from transfer.http.keepalive import kept_alive
from transfer.http.metadata import UNNAMED, describe_file, parse_metadata
from transfer.http.policy import Services
from transfer.http.receipts import receipt_headers
from transfer.http.requests import PRINCIPAL, case_number, client_of
from transfer.http.tus_concat import UploadUrls, concatenation
from transfer.ports import Buffer

_EXPIRY = web.RequestKey("expiry", dict[str, str])
"""What an answer tells of the upload's expiry, whatever else it tells."""


class TusUploads:
    """Uploads as tus clients see them."""

    def __init__(self, services: Services) -> None:
        self._uploads = services.uploads
        self._policy = services.policy
        self._clock = services.clock
        self._public = urlsplit(services.policy.public_url or "")
        self._prefix = self._public.path.rstrip("/")

    def discovery(self) -> dict[str, str]:
        """Return the headers that tell what is offered."""
        return headers.discovery(self._policy.max_file_bytes)

    async def create(self, request: web.Request) -> web.Response:
        """Begin an upload, with its first bytes if they come along."""
        file = self._announced(request)
        with_upload = request.content_type == headers.OFFSET_TYPE
        if has_body(request) and not with_upload:
            raise _wrong_type()
        principal = request[PRINCIPAL]
        if _is_final(file):
            upload = await self._concatenate(request, principal, file)
        elif with_upload:
            upload = await self._receive(request, principal, file)
        else:
            upload = await self._uploads.create(principal, file)
        answer = headers.progress(upload) if with_upload else CIMultiDict(headers.expiry(upload))
        answer[hdrs.LOCATION] = f"{self._prefix}/api/v1/uploads/{upload.id}"
        answer.update(receipt_headers(upload, self._prefix))
        return web.Response(status=HTTPStatus.CREATED, headers=answer)

    async def show(self, request: web.Request) -> web.Response:
        """Tell how far an upload is."""
        upload = await self._uploads.settle(request[PRINCIPAL], _upload_id(request))
        is_final = upload.concat is Concat.FINAL  # it has no offset until it is finished
        if upload.is_whole and upload.state is not UploadState.RECEIVED and not is_final:
            # An offset at the end says "done" to every client, and it isn't yet.
            raise UploadBusyError("The file is being put together: ask again in a moment.")
        answer = headers.description(upload)
        answer.update(receipt_headers(upload, self._prefix))
        return web.Response(headers=answer)

    async def append(self, request: web.Request) -> web.Response:
        """Take the bytes that come next."""
        if request.content_type != headers.OFFSET_TYPE:
            raise _wrong_type()
        check_unencoded(request)
        offset = headers.upload_offset(request.headers)
        length = headers.late_length(request.headers)
        checksum = headers.chunk_checksum(request.headers)
        sha256 = promised_sha256(request.headers)
        principal, upload_id = request[PRINCIPAL], _upload_id(request)
        upload = await self._uploads.show(principal, upload_id)
        check_takes_bytes(upload)
        request[_EXPIRY] = headers.expiry(upload)
        size = request.content_length if has_body(request) else 0
        check_before_body(upload, offset=offset, length=length, size=size)
        if sha256 is not None:
            await self._uploads.promise(principal, upload_id, sha256)
        if upload.state is not UploadState.RECEIVED or size != 0:
            if length is not None:
                await self._announce(principal, upload_id, length)
            delivery = Delivery(source=partial(self._body, request), checksum=checksum)
            upload = await self._uploads.take(principal, upload_id, offset, delivery)
        answer = headers.progress(upload)
        answer.update(receipt_headers(upload, self._prefix))
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=answer)

    async def abandon(self, request: web.Request) -> web.Response:
        """End an upload for good."""
        await self._uploads.abandon(request[PRINCIPAL], _upload_id(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _concatenate(
        self, request: web.Request, principal: Principal, file: FileToSend
    ) -> Upload:
        """Begin an upload that is made of others; if these are whole, wait until it is a file."""
        if has_body(request):
            raise InvalidRequestError("A final upload takes no bytes: send it without a body.")
        async with kept_alive(request, self._clock):
            return await self._uploads.create(principal, file)

    async def _receive(
        self, request: web.Request, principal: Principal, file: FileToSend
    ) -> Upload:
        check_unencoded(request)
        checksum = headers.chunk_checksum(request.headers)
        if file.length is not None and (request.content_length or 0) > file.length:
            raise LengthMismatchError(f"The file was announced with {file.length} bytes.")
        return await self._uploads.receive(principal, file, self._body(request), checksum)

    async def _announce(self, principal: Principal, upload_id: UploadId, length: int) -> None:
        try:
            await self._uploads.announce(principal, upload_id, length)
        except LengthMismatchError as exc:
            raise InvalidRequestError(exc.message) from exc

    def _announced(self, request: web.Request) -> FileToSend:
        number = case_number(request)
        part = self._concatenation(request)
        metadata = headers.single(request.headers, "Upload-Metadata")
        values = parse_metadata(metadata or "")
        if part is not None and part.role is Concat.PARTIAL:
            return FileToSend(
                case_number=number,
                path=CasePath(UNNAMED),  # never seen: what it says of itself is only kept
                length=headers.created_length(request.headers),
                metadata=metadata or None,
                concatenation=part,
            )
        if part is not None:
            headers.check_no_length(request.headers)
        file = describe_file(values)
        sha256 = promised_sha256(request.headers) or file.sha256
        if sha256 is not None:
            check_promise(file.sha256, sha256)
        return FileToSend(
            case_number=number,
            path=file.path,
            length=None if part is not None else headers.created_length(request.headers),
            metadata=metadata or None,
            content_type=file.content_type,
            modified_at=file.modified_at,
            expected_sha256=sha256,
            concatenation=part,
        )

    def _concatenation(self, request: web.Request) -> Concatenation | None:
        hosts = [client_of(request).host]
        if self._public.netloc:
            hosts.append(self._public.netloc)
        urls = UploadUrls(hosts, self._prefix)
        base = f"{request.scheme}://{request.host}{request.rel_url.raw_path}"
        return concatenation(request.headers, urls, base=base)

    def _body(
        self, request: web.Request, writer: UploadWriter | None = None
    ) -> AsyncIterator[Buffer]:
        return body_of(request, policy=self._policy, clock=self._clock, writer=writer)


async def mark_tus(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every tus response carries; for the signal that it is about to be sent."""
    response.headers["Tus-Resumable"] = headers.VERSION
    for name, value in request.get(_EXPIRY, {}).items():
        response.headers.setdefault(name, value)


def check_before_body(upload: Upload, *, offset: int, length: int | None, size: int | None) -> None:
    """Refuse what can be refused before any byte is read, so that nothing of it is kept.

    `length` is what the request announces; `size`, the bytes of its body, None if unknown.

    Raises:
        OffsetMismatchError: the file is received, or something is announced, at another offset.
        LengthMismatchError: the body goes beyond the file's end.
    """
    end = length if upload.length is None else upload.length
    too_long = end is not None and size is not None and offset + size > end
    settles = upload.state is UploadState.RECEIVED or length is not None
    if offset != upload.offset and (too_long or settles):
        raise OffsetMismatchError(upload.offset)
    if too_long:
        raise LengthMismatchError(f"The file was announced with {end} bytes: this is more.")


def _is_final(file: FileToSend) -> bool:
    return file.concatenation is not None and file.concatenation.role is Concat.FINAL


def _upload_id(request: web.Request) -> UploadId:
    return UploadId(request.match_info["id"])


def _wrong_type() -> web.HTTPUnsupportedMediaType:
    return web.HTTPUnsupportedMediaType(
        text=f"Send the bytes as Content-Type: {headers.OFFSET_TYPE}."
    )
