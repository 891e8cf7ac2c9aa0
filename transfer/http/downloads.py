"""Downloads: a file's bytes streamed from the store, or a URL of the store, and named safely."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from aiohttp import hdrs, web
from multidict import CIMultiDict

from transfer.core import errors
from transfer.core.access import Action, Principal
from transfer.core.names import split
from transfer.core.uploads import FileId, StoredFile
from transfer.http.conditions import strong_etag, whole_seconds
from transfer.http.delivery import Delivery, Representation
from transfer.http.digests import representation_digest
from transfer.http.dispositions import attachment
from transfer.http.operations import BYTES, Parameter, Tag, gives, operation
from transfer.http.parameters import CONDITIONS, DATES, delivered
from transfer.http.policy import Services
from transfer.http.ranges import Span
from transfer.http.requests import OPAQUE_ID, PRINCIPAL


class DownloadRoutes:
    """The content of files. GET and HEAD; Range, conditions and digests as in the RFCs."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._clock = services.clock
        self._policy = services.policy
        self._delivery = Delivery(services.policy)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(f"/api/v1/files/{{id:{OPAQUE_ID}}}/content", self.content)]

    @operation(
        "Download a file",
        tag=Tag.FILES,
        parameters=(
            *CONDITIONS,
            *DATES,
            Parameter(
                name="Want-Repr-Digest",
                where="header",
                text="`sha-256=0` for no digest (RFC 9530).",
            ),
            Parameter(
                name="redirect",
                text="`1`: a short-lived URL of the store instead, where the operator allows that.",
            ),
        ),
        gives=(
            *delivered(
                BYTES,
                **{
                    "Last-Modified": "When it was last changed.",
                    "Repr-Digest": "The whole file's SHA-256 (RFC 9530).",
                },
            ),
            gives(307, text="The store has it.", headers={"Location": "Good for a short time."}),
        ),
        errors=(
            errors.EntryMissingError,
            errors.StoreUnavailableError,
            errors.KeyUnavailableError,
            errors.ShuttingDownError,
        ),
        problems=(412, 416),
    )
    async def content(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file's content, or with why not."""
        file_id, principal = FileId(request.match_info["id"]), request[PRINCIPAL]
        file = await self._files.file(principal, file_id, Action.DOWNLOAD)
        found = self._representation(request, file)
        if request.query.get("redirect") == "1" and request.method == hdrs.METH_GET:
            elsewhere = self._delivery.settle(request, found) or await self._redirect(
                principal, file, found.disposition
            )
            if elsewhere is not None:
                return elsewhere
        return await self._delivery.answer(request, found)

    async def _redirect(
        self, principal: Principal, file: StoredFile, disposition: str
    ) -> web.Response | None:
        """Send the client to the store, if the operator lets it and the store can serve it."""
        lifetime = self._policy.redirect_lifetime
        if lifetime is None:
            return None
        url = await self._files.hand_out(principal, file, lifetime, disposition)
        if url is None:
            return None
        # The URL is a secret for as long as it lives: neither caches nor the next page see it.
        headers = {
            hdrs.LOCATION: url,
            hdrs.CACHE_CONTROL: "no-store",
            "Referrer-Policy": "no-referrer",
        }
        return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)

    def _representation(self, request: web.Request, file: StoredFile) -> Representation:
        async def begin(spans: Sequence[Span]) -> None:
            size = sum(span.size for span in spans)
            several = {"ranges": len(spans)} if len(spans) > 1 else {}
            principal = request[PRINCIPAL]
            await self._files.begin_download(principal, file, spans[0].start, size, **several)

        return Representation(
            size=file.size,
            etag=strong_etag(file.sha256),
            modified_at=whole_seconds(file.modified_at, self._clock.now()),
            content_type="application/octet-stream",
            disposition=attachment(split(file.path)[1]),
            begin=begin,
            read=partial(self._files.stream, file),
            more=CIMultiDict(representation_digest(request.headers, file.sha256)),
        )
