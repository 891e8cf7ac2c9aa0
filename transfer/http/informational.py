"""Interim responses: what is told before the answer, while the body is still on its way.

aiohttp has no such thing, so their bytes are written to the connection as they are; whatever it
writes itself comes after them. HTTP/1.0 knows none.
"""

from collections.abc import Mapping

from aiohttp import HttpVersion11, web

from transfer.http.rufh_headers import OFFSET
from transfer.http.rufh_versions import VERSION_HEADER, Dialect

_UNREAD_BYTES = 16 * 1024
"""With so much unread by the client, it isn't told any more how far it is."""


class Informant:
    """Tells one sender, in its version's words, that an upload can be resumed, and how far it is.

    Silent when the version, or the protocol's, has no interim responses, and after `close`.
    """

    def __init__(self, request: web.Request, dialect: Dialect) -> None:
        self._request = request
        self._dialect = dialect
        self._open = dialect.interim and request.version >= HttpVersion11

    def offer(self, headers: Mapping[str, str]) -> None:
        """Tell where the upload can be resumed: `headers` has its Location and its limits."""
        self._send(headers)

    def advanced(self, offset: int) -> None:
        """Tell how many bytes are durable."""
        if self._dialect.progress:
            self._send({OFFSET: str(offset)})

    def close(self) -> None:
        """Tell nothing more: the answer comes now."""
        self._open = False

    def _send(self, headers: Mapping[str, str]) -> None:
        transport = self._request.transport
        if not self._open or transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _UNREAD_BYTES:
            return
        if self._dialect.version is not None:
            headers = {VERSION_HEADER: str(self._dialect.version), **headers}
        lines = [
            "HTTP/1.1 104 Upload Resumption Supported",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
