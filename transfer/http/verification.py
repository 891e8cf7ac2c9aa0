"""The SHA-256 of a whole file, told for its upload: before the last byte, or when all is over."""

from aiohttp import web

from transfer.core import errors
from transfer.core.digests import parse_sha256
from transfer.core.uploads import UploadId, UploadState
from transfer.http.json_bodies import JsonBody, Line, read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.policy import Services
from transfer.http.rendering import json_response
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.shapes.files import ToldDigestShape

_PATH = f"/api/v1/uploads/{{id:{OPAQUE_ID}}}/digest"


class ToldDigest(JsonBody):
    """What the sender says of the whole file; in hex or Base64."""

    sha256: Line


class VerificationRoutes:
    """Promises of senders, and their claims."""

    def __init__(self, services: Services) -> None:
        self._uploads = services.uploads
        self._policy = services.policy
        self._clock = services.clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.put(_PATH, self.tell)]

    @operation(
        "Tell the SHA-256 of the whole file",
        tag=Tag.UPLOADS,
        text="A promise while the file is on its way: another file is not received. Afterwards it "
        "is compared, and a match makes the file verified.",
        takes=takes(ToldDigest),
        gives=gives(200, ToldDigestShape),
        errors=(
            errors.UploadMissingError,
            errors.UploadGoneError,
            errors.EntryMissingError,
            errors.CaseClosedError,
            errors.DigestMismatchError,
            errors.DigestChangedError,
            errors.AcknowledgementRequiredError,
        ),
    )
    async def tell(self, request: web.Request) -> web.Response:
        """Take a digest: a promise while the file is on its way, a comparison afterwards."""
        told = await read_json(request, ToldDigest, policy=self._policy, clock=self._clock)
        sha256 = parse_sha256(told.sha256)
        upload_id = UploadId(request.match_info["id"])
        upload = await self._uploads.promise(request[PRINCIPAL], upload_id, sha256)
        is_received = upload.state is UploadState.RECEIVED
        shown = ToldDigestShape(
            upload_id=upload.id,
            file_id=upload.file_id,
            sha256=sha256,
            state="received" if is_received else "promised",
            verified=is_received,
        )
        return json_response(shown.json_object())
