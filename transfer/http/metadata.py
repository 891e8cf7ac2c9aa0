"""Upload-Metadata: what a tus client tells of a file, read strictly and kept word for word."""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from transfer.core.digests import parse_sha256
from transfer.core.errors import InvalidRequestError
from transfer.core.names import CasePath, parse_path

UNNAMED = "unnamed"
"""The name of a file whose sender gave none; tus makes none of its metadata mandatory."""

_KEY = re.compile(r"[!-+\--~]+")  # visible ASCII but the comma
_SHA256_BYTES = 32
_SECONDS = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_MEDIA_TYPE = re.compile(r"[ -~]{1,255}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000
"""From here a number counts milliseconds: as seconds it would be beyond the year 5000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDescription:
    """What the known keys say; `sha256` in lower case."""

    path: CasePath
    content_type: str | None = None
    modified_at: datetime | None = None
    sha256: str | None = None


def parse_metadata(header: str) -> dict[str, bytes]:
    """Return the values of an Upload-Metadata header by their keys.

    Raises:
        InvalidRequestError: a key is empty, malformed or there twice; a value isn't Base64.

    Source: tus 1.0.0, Upload-Metadata.
    """
    values: dict[str, bytes] = {}
    if not header.strip():
        return values
    for pair in header.split(","):
        key, _, encoded = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key):
            raise InvalidRequestError("Upload-Metadata: a key is visible ASCII without commas.")
        if key in values:
            raise InvalidRequestError("Upload-Metadata: each key is there once.")
        try:
            values[key] = base64.b64decode(encoded.encode("ascii"), validate=True)
        except ValueError as exc:
            raise InvalidRequestError("Upload-Metadata: a value is Base64.") from exc
    return values


def describe_file(values: dict[str, bytes]) -> FileDescription:
    """Return what the keys that are known here say of the file.

    Raises:
        InvalidNameError: the file can't have that name.
        InvalidRequestError: another value isn't what its key asks for.
    """
    path = _text(values, "relativePath")
    if not path.strip("/") or path == "null":  # what Uppy sends for a file without a folder
        path = _text(values, "filename")
    return FileDescription(
        path=parse_path(path or UNNAMED),
        content_type=_content_type(_optional(values, "filetype")),
        modified_at=_modified_at(_optional(values, "lastModified")),
        sha256=_sha256(values),
    )


def _text(values: dict[str, bytes], key: str) -> str:
    try:
        return values.get(key, b"").decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidRequestError(f"Upload-Metadata: {key} is UTF-8, in Base64.") from exc


def _optional(values: dict[str, bytes], key: str) -> str | None:
    """Return a value, None for what browsers send in its stead."""
    text = _text(values, key).strip()
    return None if text in ("", "null", "undefined") else text


def _content_type(text: str | None) -> str | None:
    if text is not None and not _MEDIA_TYPE.fullmatch(text):
        raise InvalidRequestError("Upload-Metadata: filetype is a media type, like text/plain.")
    return text


def _sha256(values: dict[str, bytes]) -> str | None:
    """Return the promised digest; its bytes may be there as they are, as every value is Base64."""
    told = values.get("sha256", b"")
    text = told if len(told) == _SHA256_BYTES else _optional(values, "sha256")
    if text is None:
        return None
    try:
        return parse_sha256(text)
    except InvalidRequestError as exc:
        raise InvalidRequestError(f"Upload-Metadata, sha256: {exc.message}") from exc


def _modified_at(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = _since_1970(text) if _SECONDS.fullmatch(text) else datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(
        "Upload-Metadata: lastModified is milliseconds or seconds since 1970, or RFC 3339."
    )


def _since_1970(text: str) -> datetime:
    count = float(text)
    return _EPOCH + timedelta(seconds=count / 1000 if count >= _MILLISECONDS_FROM else count)
