"""Receipts of uploads: what was received, signed, and the keys by which anybody can check it."""

import json

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.errors import InvalidRequestError
from transfer.core.uploads import FileId, Upload, UploadId
from transfer.engine.receipts import Receipt
from transfer.http.operations import JSON, Gives, Parameter, Tag, gives, operation
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number
from transfer.http.shapes.receipts import KeySet, ReceiptList, ReceiptShape

RELATION = "urn:case-transfer:receipt"
"""What a Link to a receipt is, in the answer that tells of the finish."""

KEYS_PATH = "/api/v1/receipt-keys"
_OF_UPLOAD = f"/api/v1/uploads/{{id:{OPAQUE_ID}}}/receipt"
_OF_FILE = f"/api/v1/files/{{id:{OPAQUE_ID}}}/receipt"
_OF_CASE = "/api/v1/cases/{number}/receipts"
_JWS_TYPE = "application/jose"
_KEYS_TYPE = "application/jwk-set+json"
_FORMATS = ("json", "jws")

_FORMAT = Parameter(
    name="format", text="`jws`: the signed text alone.", schema={"enum": list(_FORMATS)}
)
_RECEIPT = Gives(
    status=200,
    text="What was received, signed.",
    content={JSON: ReceiptShape, _JWS_TYPE: {"type": "string"}},
)


class ReceiptRoutes:
    """Receipts, for who may see the case; their keys, for everybody."""

    def __init__(self, services: Services) -> None:
        self._receipts = services.receipts

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_OF_UPLOAD, self.of_upload),
            web.get(_OF_FILE, self.of_file),
            web.get(_OF_CASE, self.of_case),
            web.get(KEYS_PATH, self.keys),
        ]

    @operation(
        "Show the receipt of an upload",
        tag=Tag.RECEIPTS,
        parameters=(_FORMAT,),
        gives=_RECEIPT,
        errors=(
            errors.InvalidRequestError,
            errors.UploadMissingError,
            errors.ReceiptMissingError,
        ),
    )
    async def of_upload(self, request: web.Request) -> web.Response:
        """Show the receipt of an upload."""
        upload_id = UploadId(request.match_info["id"])
        wants_jws = _wants_jws(request)
        return _answer(await self._receipts.of_upload(request[PRINCIPAL], upload_id), wants_jws)

    @operation(
        "Show the receipt of the upload that became a file",
        tag=Tag.RECEIPTS,
        parameters=(_FORMAT,),
        gives=_RECEIPT,
        errors=(
            errors.InvalidRequestError,
            errors.EntryMissingError,
            errors.ReceiptMissingError,
        ),
    )
    async def of_file(self, request: web.Request) -> web.Response:
        """Show the receipt of the upload that became a file."""
        file_id = FileId(request.match_info["id"])
        wants_jws = _wants_jws(request)
        return _answer(await self._receipts.of_file(request[PRINCIPAL], file_id), wants_jws)

    @operation(
        "List the receipts of a case",
        tag=Tag.RECEIPTS,
        text="The latest upload first, also of files that were removed since.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, ReceiptList),
    )
    async def of_case(self, request: web.Request) -> web.Response:
        """List the receipts of a case."""
        page = asked_page(request)
        receipts, following = await self._receipts.of_case(
            request[PRINCIPAL], case_number(request), after=page.after, limit=page.limit
        )
        shown = ReceiptList(receipts=[_shape(one) for one in receipts], next=following)
        return json_response(shown.json_object())

    @operation(
        "Show the public keys of all receipts, also of former ones",
        tag=Tag.RECEIPTS,
        gives=gives(200, KeySet, media=_KEYS_TYPE),
        public=True,
    )
    async def keys(self, _: web.Request) -> web.Response:
        """Show the public keys of all receipts, also of former ones, as a JWK Set (RFC 7517)."""
        keys_shape = KeySet(keys=[dict(key) for key in await self._receipts.keys()])
        return json_response(keys_shape.json_object(), content_type=_KEYS_TYPE)


def receipt_headers(upload: Upload, prefix: str) -> dict[str, str]:
    """Return the headers that lead to an upload's receipt, once there is one.

    `prefix` is the path that the service is found below.

    Source: RFC 8288.
    """
    if upload.file_id is None:
        return {}
    return {hdrs.LINK: f'<{prefix}/api/v1/uploads/{upload.id}/receipt>; rel="{RELATION}"'}


def _wants_jws(request: web.Request) -> bool:
    asked = request.query.get("format")
    if asked not in (None, *_FORMATS):
        raise InvalidRequestError(f"format is one of: {', '.join(_FORMATS)}.")
    if asked is None:
        return _JWS_TYPE in request.headers.get(hdrs.ACCEPT, "").lower()
    return asked == "jws"


def _shape(receipt: Receipt) -> ReceiptShape:
    return ReceiptShape(receipt=json.loads(receipt.statement), jws=receipt.jws)


def _answer(receipt: Receipt, wants_jws: bool) -> web.Response:
    if wants_jws:
        response = web.Response(text=receipt.jws, content_type=_JWS_TYPE)
        response.charset = None  # it is ASCII, and the type has no such parameter
    else:
        response = json_response(_shape(receipt).json_object())
    response.headers[hdrs.VARY] = hdrs.ACCEPT
    return response
