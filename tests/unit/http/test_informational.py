"""What is told on the way: to whom it can be told, and only as long as it is heard."""

from asyncio import Transport

from aiohttp import HttpVersion, HttpVersion10, HttpVersion11
from aiohttp.test_utils import make_mocked_request

from transfer.http.informational import Informant
from transfer.http.rufh_versions import DIALECTS, FINAL, Dialect


class Line(Transport):
    """A connection that keeps what is written, and says how much of it is unread."""

    def __init__(self, unread_bytes: int = 0, *, closing: bool = False) -> None:
        super().__init__()
        self.written = b""
        self.unread_bytes = unread_bytes
        self.closing = closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def is_closing(self) -> bool:
        return self.closing


def informant(
    line: Line, dialect: Dialect = FINAL, version: HttpVersion = HttpVersion11
) -> Informant:
    request = make_mocked_request("POST", "/", version=version, transport=line)
    return Informant(request, dialect)


def test_an_offer_has_what_is_needed_to_resume() -> None:
    line = Line()
    informant(line, DIALECTS[6]).offer({"Location": "/uploads/1", "Upload-Limit": "max-size=5"})
    assert line.written == (
        b"HTTP/1.1 104 Upload Resumption Supported\r\n"
        b"Upload-Draft-Interop-Version: 6\r\n"
        b"Location: /uploads/1\r\n"
        b"Upload-Limit: max-size=5\r\n"
        b"\r\n"
    )


def test_progress_is_an_offset_alone() -> None:
    line = Line()
    informant(line).advanced(5)
    assert line.written == (b"HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 5\r\n\r\n")


def test_early_versions_hear_no_progress() -> None:
    line = Line()
    informant(line, DIALECTS[4]).advanced(5)
    assert line.written == b""


def test_nothing_is_told_once_the_answer_comes() -> None:
    line = Line()
    speaking = informant(line)
    speaking.close()
    speaking.advanced(5)
    assert line.written == b""


def test_nothing_is_told_to_who_has_left_or_does_not_read_or_knows_no_interim_responses() -> None:
    for line in (Line(closing=True), Line(unread_bytes=1 << 20)):
        informant(line).advanced(5)
        assert line.written == b""
    line = Line()
    informant(line, version=HttpVersion10).advanced(5)
    assert line.written == b""
