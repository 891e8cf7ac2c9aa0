"""What a request says of the file in its body: its name, its type, when it was modified.

Content-Disposition carries the name, and folders before it if the name has slashes; Content-Type
and Last-Modified say the rest. Names stay out of URLs, which proxies write to their logs. What
isn't told so may be in tus's Upload-Metadata, which tus-js-client sends in whatever protocol.

Source: RFC 9110, 8.3 and 8.8.2; RFC 6266; RFC 8187.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs
from multidict import CIMultiDictProxy

from transfer.core.errors import InvalidRequestError
from transfer.core.names import parse_path
from transfer.http.metadata import FileDescription, describe_file, parse_metadata
from transfer.http.rufh_headers import PARTIAL_TYPE

METADATA = "Upload-Metadata"

Headers = CIMultiDictProxy[str]

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 -- a token of HTTP's grammar
_TYPE = re.compile(rf"\s*{_TOKEN}\s*")
_PARAMETER = re.compile(
    rf'\s*;\s*(?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_TOKEN}))\s*'
)
_REST = re.compile(r"[\s;]*")
_ESCAPED = re.compile(r"\\(.)")
_EXTENDED = re.compile(r"(?P<charset>utf-8|iso-8859-1)'[^']*'(?P<value>[^']*)", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[ -~]{1,255}")


def describe(headers: Headers, sha256: str | None = None) -> FileDescription:
    """Return what the headers of an upload's first request say of the file.

    Raises:
        InvalidNameError: the file can't have that name.
        InvalidRequestError: one of the headers is malformed.
    """
    metadata = describe_file(parse_metadata(_single(headers, METADATA) or ""))
    name = _file_name(headers)
    return FileDescription(
        path=parse_path(name) if name else metadata.path,
        content_type=_content_type(headers) or metadata.content_type,
        modified_at=_modified_at(headers) or metadata.modified_at,
        sha256=sha256 or metadata.sha256,
    )


def _file_name(headers: Headers) -> str:
    disposition = _single(headers, hdrs.CONTENT_DISPOSITION)
    if disposition is None:
        return ""
    parameters = _parameters(disposition)
    if "filename*" in parameters:
        return _extended(parameters["filename*"])
    name = parameters.get("filename", "")
    try:
        name.encode()
    except UnicodeEncodeError as exc:
        raise _malformed_name() from exc
    return name


def _parameters(disposition: str) -> dict[str, str]:
    place = _TYPE.match(disposition)
    if place is None:
        raise _malformed_name()
    values: dict[str, str] = {}
    end = place.end()
    while parameter := _PARAMETER.match(disposition, end):
        name = parameter["name"].lower()
        if name in values:
            raise _malformed_name()
        quoted = parameter["quoted"]
        values[name] = parameter["bare"] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        end = parameter.end()
    if not _REST.fullmatch(disposition, end):
        raise _malformed_name()
    return values


def _extended(text: str) -> str:
    found = _EXTENDED.fullmatch(text)
    if found is None:
        raise _malformed_name()
    try:
        return unquote_to_bytes(found["value"]).decode(found["charset"])
    except UnicodeDecodeError as exc:
        raise _malformed_name() from exc


def _content_type(headers: Headers) -> str | None:
    text = _single(headers, hdrs.CONTENT_TYPE)
    if text is None or text.partition(";")[0].strip().lower() == PARTIAL_TYPE:
        return None
    if not _MEDIA_TYPE.fullmatch(text):
        raise InvalidRequestError("Content-Type is a media type, like text/plain.")
    return text


def _modified_at(headers: Headers) -> datetime | None:
    text = _single(headers, hdrs.LAST_MODIFIED)
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError("Last-Modified is a date like Mon, 02 Mar 2026 09:00:00 GMT.")


def _single(headers: Headers, name: str) -> str | None:
    values = headers.getall(name, [])
    if len(values) > 1:
        raise InvalidRequestError(f"Send {name} once.")
    return values[0].strip() or None if values else None


def _malformed_name() -> InvalidRequestError:
    return InvalidRequestError(
        "Content-Disposition names the file: inline; filename*=UTF-8''name%20in%20UTF-8."
    )
