"""What the URLs of uploads offer, in both protocols, as the description of the API tells it."""

from collections.abc import Mapping

from transfer.core import errors
from transfer.http.operations import BYTES, JSON, Gives, Operation, Parameter, Tag, Takes, gives
from transfer.http.rufh_headers import PARTIAL_TYPE
from transfer.http.shapes.files import FileShape
from transfer.http.tus_headers import OFFSET_TYPE

_COUNT = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_FLAG = {"type": "string", "enum": ["?0", "?1"]}
_RAW = {"type": "string", "format": "binary"}


def _header(name: str, text: str, schema: Mapping[str, object] | None = None) -> Parameter:
    return Parameter(name=name, text=text, where="header", schema=schema or {"type": "string"})


_TUS = _header("Tus-Resumable", "tus: `1.0.0`, in every request but OPTIONS.", {"const": "1.0.0"})
_OFFSET = _header("Upload-Offset", "Where in the file the body begins.", _COUNT)
_LENGTH = _header("Upload-Length", "How many bytes the whole file has.", _COUNT)
_COMPLETE = _header(
    "Upload-Complete",
    "RUFH: whether the file ends with the body, `?1` or `?0`. With it, interim answers (`104`)"
    " come before the final one.",
    _FLAG,
)
_VERSION = _header(
    "Upload-Draft-Interop-Version",
    "RUFH: the version of the draft that is spoken, 3 to 8; without it, the final form.",
    {"type": "integer", "minimum": 3, "maximum": 8},
)
_CHECKSUM = _header(
    "Upload-Checksum", "tus: algorithm and digest (Base64) of the body; a damaged one is refused."
)
_CONTENT_DIGEST = _header(
    "Content-Digest", "The body's digest (RFC 9530); checked before it counts."
)
_REPR_DIGEST = _header(
    "Repr-Digest", "The whole file's digest (RFC 9530): a promise that has to be kept."
)
_WANT_DIGEST = _header("Want-Repr-Digest", "RUFH: which digest of the file is wanted back.")

_PROGRESS = {
    "Upload-Offset": "How many bytes are durable.",
    "Upload-Expires": "tus: until when it can be continued.",
    "Upload-Complete": "RUFH: whether the upload is complete.",
    "Upload-Limit": "RUFH: the largest file, and for how long it can be continued.",
    "Link": "Once it is received: to the receipt, as `urn:case-transfer:receipt`.",
}
_BODY = Takes(
    content={OFFSET_TYPE: _RAW, PARTIAL_TYPE: _RAW, BYTES: _RAW},
    required=False,
    text="The file's own bytes, as they are.",
)
_ENDS = (
    errors.InvalidRequestError,
    errors.UploadMissingError,
    errors.UploadGoneError,
    errors.UploadBusyError,
    errors.StoreUnavailableError,
    errors.KeyUnavailableError,
    errors.ShuttingDownError,
)
_WRITES = (
    *_ENDS,
    errors.AcknowledgementRequiredError,
    errors.CaseClosedError,
    errors.TooLargeError,
    errors.LengthMismatchError,
    errors.OffsetMismatchError,
    errors.ChecksumMismatchError,
    errors.DigestMismatchError,
    errors.DigestChangedError,
    errors.UnsupportedAlgorithmError,
    errors.WriterReplacedError,
    errors.ConflictError,
)

_BY_RUFH = {
    400: (errors.LengthMismatchError, errors.ChecksumMismatchError, errors.UploadGoneError),
    404: (errors.UploadGoneError,),
    503: (errors.UploadBusyError,),
}
"""A 4xx ends an upload for its clients, a 5xx has them ask for the offset: see `rufh_problems`."""

DISCOVER = Operation(
    summary="Tell what is offered, in both protocols",
    tag=Tag.UPLOADS,
    text="With no credentials. `Tus-Extension` lists what of tus there is, `Upload-Limit` and "
    "`Accept-Patch` are for RUFH.",
    gives=(
        gives(
            204,
            headers={
                "Tus-Version": "The versions of tus.",
                "Tus-Extension": "Its extensions.",
                "Tus-Checksum-Algorithm": "What checksums may be of.",
                "Tus-Max-Size": "The largest file, if the operator has set a limit.",
                "Accept-Patch": "The media type of a RUFH PATCH.",
                "Upload-Limit": "The largest file, and how long an upload lives.",
            },
        ),
    ),
    public=True,
)

CREATE = Operation(
    summary="Begin an upload, with its first bytes or all of them",
    tag=Tag.UPLOADS,
    text="In tus 1.0.0 (with `Tus-Resumable`), or as resumable uploads for HTTP have it (RUFH, "
    "with `Upload-Complete`). What one protocol began the other can finish, and SFTP as well. What "
    "Customer Care sends is shared with the customer.",
    takes=_BODY,
    parameters=(
        _TUS,
        _LENGTH,
        _header("Upload-Defer-Length", "tus: `1` if the length is told later.", {"const": "1"}),
        _header(
            "Upload-Metadata",
            "tus: pairs of a name and a value in Base64. `filename` is needed; `relativePath`, "
            "`filetype`, `lastModified` and `sha256` may be there.",
        ),
        _header("Upload-Concat", "tus: `partial`, or `final;` and the URLs of what it is made of."),
        _COMPLETE,
        _VERSION,
        _header("Content-Disposition", "RUFH: the file's name."),
        _CHECKSUM,
        _CONTENT_DIGEST,
        _REPR_DIGEST,
        _WANT_DIGEST,
    ),
    gives=(
        Gives(
            status=201,
            text="It has begun; or, where all of it came along, it is a file: RUFH then tells it.",
            content={JSON: FileShape},
            headers={**_PROGRESS, "Location": "The upload's URL, or with RUFH a whole file's."},
        ),
    ),
    errors=(
        *_WRITES,
        errors.CaseMissingError,
        errors.InvalidNameError,
        errors.IsAFolderError,
        errors.NotAFolderError,
    ),
    problems=(405, 412, 415),
    otherwise=_BY_RUFH,
)

SHOW_TUS_AND_RUFH = Operation(
    summary="Tell how far an upload is",
    tag=Tag.UPLOADS,
    text="A request that still runs on it ends: whoever asks is about to go on.",
    parameters=(_TUS, _VERSION, _WANT_DIGEST),
    gives=(
        gives(
            200,
            text="tus: where it stands.",
            headers={
                **_PROGRESS,
                "Upload-Length": "The file's length, once it is told.",
                "Upload-Defer-Length": "tus: `1` until the length is told.",
                "Upload-Metadata": "tus: what was sent at its creation.",
                "Upload-Concat": "tus: what it is in a concatenation.",
            },
        ),
        gives(
            204,
            text="RUFH: where it stands.",
            headers={
                **_PROGRESS,
                "Upload-Length": "The file's length, once it is told.",
                "Content-Location": "The file, once it is received.",
                "Repr-Digest": "Its digest, once it is received.",
            },
        ),
    ),
    errors=_ENDS,
    problems=(405, 412),
    otherwise=_BY_RUFH,
)

SHOW_RUFH = Operation(
    summary="Tell how far an upload is, where HEAD can't be sent",
    tag=Tag.UPLOADS,
    text="RUFH alone.",
    parameters=SHOW_TUS_AND_RUFH.parameters[1:],
    gives=SHOW_TUS_AND_RUFH.gives[1:],
    errors=_ENDS,
    problems=(405, 412),
    otherwise=_BY_RUFH,
)

APPEND = Operation(
    summary="Take the bytes that come next",
    tag=Tag.UPLOADS,
    text="All that the answer acknowledges is durable. The file is received with its last byte.",
    takes=_BODY,
    parameters=(
        _TUS,
        _OFFSET,
        _LENGTH,
        _COMPLETE,
        _VERSION,
        _CHECKSUM,
        _CONTENT_DIGEST,
        _REPR_DIGEST,
        _WANT_DIGEST,
    ),
    gives=(
        gives(204, text="They are durable.", headers=_PROGRESS),
        Gives(
            status=201,
            text="RUFH: with them the file is received; drafts up to 6 also when more will come.",
            content={JSON: FileShape},
            headers={**_PROGRESS, "Location": "The file.", "Content-Location": "The file."},
        ),
    ),
    errors=_WRITES,
    problems=(405, 412, 415),
    otherwise=_BY_RUFH,
)

ABANDON = Operation(
    summary="End an upload for good",
    tag=Tag.UPLOADS,
    parameters=(_TUS, _VERSION),
    gives=(gives(204, text="It is gone, with all that it had."),),
    errors=(*_ENDS, errors.CaseClosedError, errors.ConflictError),
    problems=(405, 412),
    otherwise=_BY_RUFH,
)

OF_CASE: Mapping[str | None, Operation] = {"OPTIONS": DISCOVER, "POST": CREATE}
OF_UPLOAD: Mapping[str | None, Operation] = {
    "OPTIONS": DISCOVER,
    "HEAD": SHOW_TUS_AND_RUFH,
    "GET": SHOW_RUFH,
    "PATCH": APPEND,
    "DELETE": ABANDON,
}
