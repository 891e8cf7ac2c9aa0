"""tus 1.0.0, the core protocol and the extensions that `tus_headers.EXTENSIONS` names.

Source: tus.io, resumable upload protocol 1.0.0.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from transfer.core.access import Principal
from transfer.core.errors import (
    InvalidRequestError,
    LengthMismatchError,
    OffsetMismatchError,
    UploadBusyError,
)
from transfer.core.uploads import Upload, UploadId, UploadState
from transfer.engine.uploads import FileToSend
from transfer.http import tus_headers as headers
from transfer.http.bodies import ask_later, body_of, check_unencoded, has_body
from transfer.http.metadata import describe_file, parse_metadata
from transfer.http.policy import Services
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number, effective_method

_COLLECTION, _RESOURCE = "case-uploads", "upload"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TusRoutes:
    """Uploads as tus clients see them."""

    def __init__(self, services: Services) -> None:
        self._uploads = services.uploads
        self._policy = services.policy
        self._clock = services.clock
        self._prefix = urlsplit(services.policy.public_url or "").path.rstrip("/")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; which handler it is, the method override may decide."""
        return [
            web.route(
                "*",
                "/api/v1/cases/{number}/uploads",
                self.collection,
                name=_COLLECTION,
                expect_handler=ask_later,
            ),
            web.route(
                "*",
                f"/api/v1/uploads/{{id:{OPAQUE_ID}}}",
                self.resource,
                name=_RESOURCE,
                expect_handler=ask_later,
            ),
        ]

    async def collection(self, request: web.Request) -> web.StreamResponse:
        """Answer for a case's uploads."""
        return await _dispatch(
            request, {hdrs.METH_OPTIONS: self.discover, hdrs.METH_POST: self.create}
        )

    async def resource(self, request: web.Request) -> web.StreamResponse:
        """Answer for one upload."""
        return await _dispatch(
            request,
            {
                hdrs.METH_OPTIONS: self.discover,
                hdrs.METH_HEAD: self.show,
                hdrs.METH_PATCH: self.append,
                hdrs.METH_DELETE: self.abandon,
            },
        )

    async def discover(self, _: web.Request) -> web.Response:
        """Tell what is offered."""
        return web.Response(
            status=HTTPStatus.NO_CONTENT, headers=headers.discovery(self._policy.max_file_bytes)
        )

    async def create(self, request: web.Request) -> web.Response:
        """Begin an upload, with its first bytes if they come along."""
        file = _announced(request)
        with_upload = request.content_type == headers.OFFSET_TYPE
        if has_body(request) and not with_upload:
            raise _wrong_type()
        principal = request[PRINCIPAL]
        if with_upload:
            upload = await self._receive(request, principal, file)
            answer = headers.progress(upload)
        else:
            upload = await self._uploads.create(principal, file)
            answer = headers.progress(upload)
            del answer["Upload-Offset"]
        answer[hdrs.LOCATION] = f"{self._prefix}/api/v1/uploads/{upload.id}"
        return web.Response(status=HTTPStatus.CREATED, headers=answer)

    async def show(self, request: web.Request) -> web.Response:
        """Tell how far an upload is."""
        upload = await self._uploads.show(request[PRINCIPAL], _upload_id(request))
        if upload.is_whole and upload.state is not UploadState.RECEIVED:
            # An offset at the end says "done" to every client, and it isn't yet.
            raise UploadBusyError("The file is being put together: ask again in a moment.")
        return web.Response(headers=headers.description(upload))

    async def append(self, request: web.Request) -> web.Response:
        """Take the bytes that come next."""
        if request.content_type != headers.OFFSET_TYPE:
            raise _wrong_type()
        check_unencoded(request)
        offset = headers.upload_offset(request.headers)
        length = headers.late_length(request.headers)
        checksum = headers.chunk_checksum(request.headers)
        principal, upload_id = request[PRINCIPAL], _upload_id(request)
        upload = await self._uploads.show(principal, upload_id)
        size = request.content_length if has_body(request) else 0
        check_before_body(upload, offset=offset, length=length, size=size)
        if upload.state is not UploadState.RECEIVED or size != 0:
            if length is not None:
                await self._announce(principal, upload_id, length)
            upload = await self._uploads.append(
                principal, upload_id, offset, self._body(request), checksum
            )
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers.progress(upload))

    async def abandon(self, request: web.Request) -> web.Response:
        """End an upload for good."""
        await self._uploads.abandon(request[PRINCIPAL], _upload_id(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)

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

    def _body(self, request: web.Request) -> AsyncIterator[bytes]:
        return body_of(request, policy=self._policy, clock=self._clock)


async def mark_tus(request: web.Request, response: web.StreamResponse) -> None:
    """Name the protocol's version; for the signal that a response is about to be sent."""
    is_ours = request.match_info.route.name in (_COLLECTION, _RESOURCE)
    if is_ours and effective_method(request) != hdrs.METH_OPTIONS:
        response.headers["Tus-Resumable"] = headers.VERSION


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


async def _dispatch(request: web.Request, handlers: Mapping[str, _Handler]) -> web.StreamResponse:
    """Call the handler of the method, or of the one that overrides it."""
    method = effective_method(request)
    if method not in handlers:
        raise web.HTTPMethodNotAllowed(method, handlers)
    if method != hdrs.METH_OPTIONS:
        _check_version(request)
    return await handlers[method](request)


def _check_version(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable", "").strip() != headers.VERSION:
        raise web.HTTPPreconditionFailed(
            text=f"Send Tus-Resumable: {headers.VERSION}, the version that is spoken here.",
            headers={"Tus-Version": headers.VERSION},
        )


def _announced(request: web.Request) -> FileToSend:
    headers.check_no_concatenation(request.headers)
    number = case_number(request)
    length = headers.created_length(request.headers)
    metadata = headers.single(request.headers, "Upload-Metadata")
    file = describe_file(parse_metadata(metadata or ""))
    return FileToSend(
        case_number=number,
        path=file.path,
        length=length,
        metadata=metadata or None,
        content_type=file.content_type,
        modified_at=file.modified_at,
        expected_sha256=file.sha256,
    )


def _upload_id(request: web.Request) -> UploadId:
    return UploadId(request.match_info["id"])


def _wrong_type() -> web.HTTPUnsupportedMediaType:
    return web.HTTPUnsupportedMediaType(
        text=f"Send the bytes as Content-Type: {headers.OFFSET_TYPE}."
    )
