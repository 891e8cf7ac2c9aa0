"""The URLs of uploads: which protocol a request speaks there, and who answers it.

tus and resumable uploads for HTTP (RUFH) share them, so that what one began the other can finish.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core.errors import InvalidRequestError
from transfer.http import tus_headers, upload_operations
from transfer.http.bodies import ask_later
from transfer.http.operations import operations
from transfer.http.policy import Services
from transfer.http.requests import OPAQUE_ID, effective_method
from transfer.http.rufh import RufhUploads
from transfer.http.rufh_headers import PARTIAL_TYPE
from transfer.http.rufh_versions import speaks_rufh
from transfer.http.tus import TusUploads, mark_tus

_COLLECTION, _RESOURCE = "case-uploads", "upload"
_BODILESS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_DELETE})

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Handlers = Mapping[str, _Handler]


class Protocol(Enum):
    """How uploads are spoken of."""

    TUS = auto()
    RUFH = auto()
    NEITHER = auto()


class UploadRoutes:
    """A case's uploads, and each of them, in either protocol."""

    def __init__(self, services: Services) -> None:
        tus, rufh = self._tus, self._rufh = TusUploads(services), RufhUploads(services)
        self._of_case: Mapping[Protocol, _Handlers] = {
            Protocol.TUS: {hdrs.METH_POST: tus.create},
            Protocol.RUFH: {hdrs.METH_POST: rufh.create},
        }
        self._of_upload: Mapping[Protocol, _Handlers] = {
            Protocol.TUS: {
                hdrs.METH_HEAD: tus.show,
                hdrs.METH_PATCH: tus.append,
                hdrs.METH_DELETE: tus.abandon,
            },
            Protocol.RUFH: {
                hdrs.METH_GET: rufh.show,
                hdrs.METH_HEAD: rufh.show,
                hdrs.METH_PATCH: rufh.append,
                hdrs.METH_DELETE: rufh.abandon,
            },
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; which handler it is, headers and the method override decide."""
        paths = {
            _COLLECTION: ("/api/v1/cases/{number}/uploads", self.collection),
            _RESOURCE: (f"/api/v1/uploads/{{id:{OPAQUE_ID}}}", self.resource),
        }
        return [
            web.route("*", path, handler, name=name, expect_handler=ask_later)
            for name, (path, handler) in paths.items()
        ]

    @operations(upload_operations.OF_CASE)
    async def collection(self, request: web.Request) -> web.StreamResponse:
        """Answer for a case's uploads."""
        return await self._dispatch(request, self._of_case)

    @operations(upload_operations.OF_UPLOAD)
    async def resource(self, request: web.Request) -> web.StreamResponse:
        """Answer for one upload."""
        return await self._dispatch(request, self._of_upload)

    async def discover(self, request: web.Request) -> web.Response:
        """Tell what is offered, in both protocols."""
        offered = {**self._tus.discovery(), **self._rufh.discovery(request)}
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=offered)

    async def _dispatch(
        self, request: web.Request, handlers: Mapping[Protocol, _Handlers]
    ) -> web.StreamResponse:
        """Call the handler of the method, or of the one that overrides it."""
        method, protocol = effective_method(request), spoken_protocol(request)
        if method == hdrs.METH_OPTIONS:
            return await self.discover(request)
        known = handlers.get(protocol, handlers[Protocol.RUFH])
        if method not in known:
            raise web.HTTPMethodNotAllowed(method, (hdrs.METH_OPTIONS, *known))
        if protocol is Protocol.NEITHER:
            raise InvalidRequestError(
                f"Send Tus-Resumable: {tus_headers.VERSION} to speak tus, or Upload-Complete: ?1 "
                "with the whole file to speak resumable uploads for HTTP."
            )
        if protocol is Protocol.TUS:
            _check_tus_version(request)
        return await known[method](request)


def spoken_protocol(request: web.Request) -> Protocol:
    """Return the protocol of a request to one of these URLs.

    tus names itself in every request. RUFH has fields of its own where there is a body, and nothing
    at all where there is none. What else has an upload's fields is taken for tus of no version.
    """
    if "Tus-Resumable" in request.headers:
        return Protocol.TUS
    if speaks_rufh(request.headers) or request.content_type == PARTIAL_TYPE:
        return Protocol.RUFH
    if effective_method(request) in _BODILESS:
        return Protocol.RUFH
    is_typed = request.content_type == tus_headers.OFFSET_TYPE
    if is_typed or any(name.lower().startswith("upload-") for name in request.headers):
        return Protocol.TUS
    return Protocol.NEITHER


async def mark_protocol(request: web.Request, response: web.StreamResponse) -> None:
    """Name tus's version; for the signal that a response is about to be sent."""
    is_ours = request.match_info.route.name in (_COLLECTION, _RESOURCE)
    if not is_ours or effective_method(request) == hdrs.METH_OPTIONS:
        return
    if spoken_protocol(request) is Protocol.TUS:
        await mark_tus(request, response)


def _check_tus_version(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable", "").strip() != tus_headers.VERSION:
        raise web.HTTPPreconditionFailed(
            text=f"Send Tus-Resumable: {tus_headers.VERSION}, the version that is spoken here.",
            headers={"Tus-Version": tus_headers.VERSION},
        )
