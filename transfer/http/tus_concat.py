"""Upload-Concat: what a tus client says of pieces, and of what is made of them.

Source: tus 1.0.0, Concatenation.
"""

import re
from collections.abc import Collection
from urllib.parse import urljoin, urlsplit

from transfer.core.concatenation import Concatenation
from transfer.core.errors import InvalidRequestError
from transfer.core.uploads import Concat, UploadId
from transfer.http.requests import OPAQUE_ID
from transfer.http.tus_headers import Headers, single

HEADER = "Upload-Concat"
_SCHEMES = ("http", "https")


class UploadUrls:
    """The URLs of uploads here: `hosts` are the names that the service is reached by.

    `prefix` is the path that it is found below, unless a proxy in front has taken it off.
    """

    def __init__(self, hosts: Collection[str], prefix: str) -> None:
        self._hosts = {_without_port(host) for host in hosts}
        path = rf"(?:{re.escape(prefix)})?/api/v1/uploads/({OPAQUE_ID})"
        self._path = re.compile(path)

    def upload_id(self, url: str, *, base: str) -> UploadId:
        """Return which upload `url` names, which may be relative to `base`.

        Raises:
            InvalidRequestError: it is no upload's URL here.
        """
        try:
            named, resolved = urlsplit(url), urlsplit(urljoin(base, url))
        except ValueError as exc:
            raise _foreign() from exc
        found = self._path.fullmatch(resolved.path)
        is_elsewhere = named.netloc and _without_port(named.netloc) not in self._hosts
        is_more = resolved.query or resolved.fragment or resolved.scheme not in _SCHEMES
        if found is None or is_elsewhere or is_more:
            raise _foreign()
        return UploadId(found[1])


def concatenation(headers: Headers, urls: UploadUrls, *, base: str) -> Concatenation | None:
    """Return the part that a created upload has in a concatenation, None for a file by itself.

    Raises:
        InvalidRequestError: the header is malformed, or names what is no upload here.
    """
    header = single(headers, HEADER)
    if header is None:
        return None
    if header == Concat.PARTIAL:
        return Concatenation(role=Concat.PARTIAL, header=header)
    role, _, listed = header.partition(";")
    if role != Concat.FINAL or not listed.split():
        raise InvalidRequestError("Upload-Concat is partial, or final; and URLs of partial ones.")
    pieces = tuple(urls.upload_id(url, base=base) for url in listed.split())
    return Concatenation(role=Concat.FINAL, header=header, pieces=pieces)


def _without_port(host: str) -> str:
    """Return a host in lower case, without a port that goes without saying."""
    return re.sub(r":(?:80|443)?$", "", host.lower())


def _foreign() -> InvalidRequestError:
    return InvalidRequestError("Upload-Concat names URLs of uploads of this service.")
