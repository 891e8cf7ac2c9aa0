"""Resumable uploads for HTTP (RUFH): the drafts that clients speak, and the final form.

Source: draft-ietf-httpbis-resumable-upload; see `rufh_versions` for what its versions differ in.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from multidict import CIMultiDict

from transfer.core.errors import (
    EntryMissingError,
    TransferError,
    UploadBusyError,
    UploadGoneError,
)
from transfer.core.uploads import StoredFile, Upload, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.deliveries import Delivery
from transfer.engine.writer import UploadWriter
from transfer.http import rufh_headers as headers
from transfer.http.bodies import ask, body_of, check_unencoded
from transfer.http.digests import content_checksum, promised_sha256, representation_digest
from transfer.http.informational import Informant
from transfer.http.policy import Services
from transfer.http.receipts import receipt_headers
from transfer.http.rendering import file_json, json_response
from transfer.http.representations import METADATA, describe
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.rufh_problems import response_to, response_to_more
from transfer.http.rufh_versions import Dialect, dialect_of
from transfer.ports import Buffer

_Verb = Callable[[web.Request, Dialect], Awaitable[web.Response]]


class RufhUploads:
    """Uploads as clients of the IETF's protocol see them."""

    def __init__(self, services: Services) -> None:
        self._uploads = services.uploads
        self._policy = services.policy
        self._clock = services.clock
        self._prefix = urlsplit(services.policy.public_url or "").path.rstrip("/")

    def discovery(self, request: web.Request) -> dict[str, str]:
        """Return the headers that tell what is offered."""
        dialect = dialect_of(request.headers)
        limit, life = self._policy.max_file_bytes, self._uploads.lifetime
        return headers.discovery(dialect, limit, life)

    async def create(self, request: web.Request) -> web.Response:
        """Begin an upload, with its first bytes or all of them."""
        return await self._answer(request, self._create)

    async def show(self, request: web.Request) -> web.Response:
        """Tell how far an upload is; whatever request was still running on it, ends."""
        return await self._answer(request, self._show)

    async def append(self, request: web.Request) -> web.Response:
        """Take the bytes that come next, and make a file of the upload if they are the last."""
        return await self._answer(request, self._append)

    async def abandon(self, request: web.Request) -> web.Response:
        """End an upload for good."""
        return await self._answer(request, self._abandon)

    async def _answer(self, request: web.Request, verb: _Verb) -> web.Response:
        dialect = dialect_of(request.headers)
        try:
            return await verb(request, dialect)
        except TransferError as exc:
            limits = headers.limits(dialect, self._policy.max_file_bytes, self._uploads.lifetime)
            return response_to(exc, request, dialect, limits)

    # ── The verbs ────────────────────────────────────────────────────────────────────────────

    async def _create(self, request: web.Request, dialect: Dialect) -> web.Response:
        check_unencoded(request)
        ends = headers.ends_with_body(request.headers, dialect, creates=True)
        size = _body_size(request)
        described = describe(request.headers, promised_sha256(request.headers))
        file = FileToSend(
            case_number=case_number(request),
            path=described.path,
            length=headers.file_length(request.headers, end=size, ends=ends),
            metadata=request.headers.get(METADATA),
            content_type=described.content_type,
            modified_at=described.modified_at,
            expected_sha256=described.sha256,
        )
        principal = request[PRINCIPAL]
        if size == 0 and not ends and file.length != 0:
            upload = await self._uploads.create(principal, file)
        else:
            informant = Informant(request, dialect)
            offer = self._body(request, dialect, informant, offers=True)
            delivery = Delivery(
                source=offer, checksum=content_checksum(request.headers), size=size, last=ends
            )
            try:
                upload = await self._uploads.begin(principal, file, delivery)
            finally:
                informant.close()
        if upload.state is UploadState.RECEIVED:
            return await self._received(request, dialect, upload)
        answer = headers.state(upload, dialect)
        answer.update(self._limits(upload, dialect))
        answer[hdrs.LOCATION] = self._location(upload)
        return web.Response(status=HTTPStatus.CREATED, headers=answer)

    async def _show(self, request: web.Request, dialect: Dialect) -> web.Response:
        headers.check_bare(request.headers, dialect)
        upload = await self._uploads.settle(request[PRINCIPAL], _upload_id(request))
        if upload.is_whole and upload.state is not UploadState.RECEIVED:
            # Clients take an offset at the end for "done", and it isn't yet.
            raise UploadBusyError("The file is being put together: ask again in a moment.")
        answer = headers.state(upload, dialect)
        answer.update(self._limits(upload, dialect))
        if upload.length is not None:
            answer[headers.LENGTH] = str(upload.length)
        if upload.state is UploadState.RECEIVED:
            answer.update(receipt_headers(upload, self._prefix))
            with contextlib.suppress(EntryMissingError):  # removed since: it was received
                answer.update(self._file_headers(request, await self._file(request, upload)))
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=answer)

    async def _append(self, request: web.Request, dialect: Dialect) -> web.Response:
        _check_type(request, dialect)
        check_unencoded(request)
        offset = headers.upload_offset(request.headers)
        ends = headers.ends_with_body(request.headers, dialect, creates=False)
        size = _body_size(request)
        end = None if size is None else offset + size
        length = headers.file_length(request.headers, end=end, ends=ends)
        informant = Informant(request, dialect)
        delivery = Delivery(
            source=self._body(request, dialect, informant, offers=False),
            checksum=content_checksum(request.headers),
            size=size,
            length=length,
            last=ends,
        )
        principal, upload_id = request[PRINCIPAL], _upload_id(request)
        try:
            if (sha256 := promised_sha256(request.headers)) is not None:
                await self._uploads.promise(principal, upload_id, sha256)
            upload = await self._uploads.take(principal, upload_id, offset, delivery)
        except UploadGoneError:
            known = await self._uploads.show(principal, upload_id)
            if known.state is not UploadState.RECEIVED:
                raise
            return response_to_more(request, has_body=size != 0)
        finally:
            informant.close()
        if upload.state is UploadState.RECEIVED:
            return await self._received(request, dialect, upload)
        answer = headers.state(upload, dialect)
        answer.update(self._limits(upload, dialect))
        return web.Response(status=dialect.appended, headers=answer)

    async def _abandon(self, request: web.Request, dialect: Dialect) -> web.Response:
        headers.check_bare(request.headers, dialect)
        await self._uploads.abandon(request[PRINCIPAL], _upload_id(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    def _body(
        self, request: web.Request, dialect: Dialect, informant: Informant, *, offers: bool
    ) -> Callable[[UploadWriter], AsyncIterator[Buffer]]:
        """Return what reads the body, and tells its sender how it goes."""

        async def read(writer: UploadWriter) -> AsyncIterator[Buffer]:
            await ask(request)  # some clients take nothing else for a "go on"
            if offers:
                limits = self._limits(writer.upload, dialect)
                informant.offer({hdrs.LOCATION: self._location(writer.upload), **limits})
            writer.watch(informant.advanced)
            async for chunk in body_of(
                request, policy=self._policy, clock=self._clock, writer=writer
            ):
                yield chunk

        return read

    async def _received(
        self, request: web.Request, dialect: Dialect, upload: Upload
    ) -> web.Response:
        """Answer as the case does to a file that it has received, whatever request was the last."""
        file = await self._file(request, upload)
        response = json_response(file_json(file), status=HTTPStatus.CREATED)
        response.headers.update(headers.state(upload, dialect))
        response.headers.update(self._file_headers(request, file))
        response.headers.update(receipt_headers(upload, self._prefix))
        leads = dialect.leads_to_file
        response.headers[hdrs.LOCATION] = (
            _content(self._prefix, file) if leads else self._location(upload)
        )
        return response

    async def _file(self, request: web.Request, upload: Upload) -> StoredFile:
        """Return the file that the upload has become."""
        return await self._uploads.finish(request[PRINCIPAL], upload.id)

    def _file_headers(self, request: web.Request, file: StoredFile) -> CIMultiDict[str]:
        """Return what is told of the file to whoever asks, as the final answer may be lost."""
        return CIMultiDict(
            {
                hdrs.CONTENT_LOCATION: _content(self._prefix, file),
                **representation_digest(request.headers, file.sha256),
            }
        )

    def _limits(self, upload: Upload, dialect: Dialect) -> dict[str, str]:
        lifetime = headers.lifetime(upload, self._clock.now())
        return headers.limits(dialect, self._policy.max_file_bytes, lifetime)

    def _location(self, upload: Upload) -> str:
        return f"{self._prefix}/api/v1/uploads/{upload.id}"


def _content(prefix: str, file: StoredFile) -> str:
    return f"{prefix}/api/v1/files/{file.id}/content"


def _upload_id(request: web.Request) -> UploadId:
    return UploadId(request.match_info["id"])


def _body_size(request: web.Request) -> int | None:
    """Return how many bytes the body has, None if only its end will tell."""
    if hdrs.TRANSFER_ENCODING in request.headers:
        return None
    return request.content_length or 0


def _check_type(request: web.Request, dialect: Dialect) -> None:
    if dialect.typed_patch and request.content_type != headers.PARTIAL_TYPE:
        raise web.HTTPUnsupportedMediaType(
            text=f"Send the bytes as Content-Type: {headers.PARTIAL_TYPE}.",
            headers={"Accept-Patch": headers.PARTIAL_TYPE},
        )
