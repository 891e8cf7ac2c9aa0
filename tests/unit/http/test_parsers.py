"""aiohttp has two parsers, in C and in Python: what one lets pass, the other must not store.

The one in C is what runs. Where one of them is lenient `heads.py` refuses what it lets pass; each
such place is written down here, so that a new one is noticed.
"""

import asyncio

import pytest
from aiohttp import http_parser
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError

HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\n"
BOTH_REFUSE = {
    "both lengths": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a list of lengths": HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "chunked, but not at last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two lines of codings": HEAD + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "a space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded field": HEAD + b"A: b\r\n c\r\n\r\n",
    "a bare LF": HEAD + b"A: b\nC: d\r\n\r\n",
    "a bare CR": HEAD + b"A: b\rC: d\r\n\r\n",
    "a NUL": HEAD + b"A: b\0c\r\n\r\n",
    "two hosts": HEAD + b"Host: y\r\n\r\n",
    "no host": b"POST /a HTTP/1.1\r\n\r\n",
    "a size that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a space after the size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n",
    "a chunk of another length": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
LENIENT = {
    "C": {
        "a version 0.9 that is not said": b"GET /\r\n\r\n",
        "another protocol": b"GET / RTSP/1.0\r\nHost: x\r\n\r\n",
    },
    "Python": {
        "a method in lower case": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
        "an unknown method": b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        "a version 1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
        "chunked twice": HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "bytes in the path": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        "a length of 2^64": HEAD + b"Content-Length: 18446744073709551616\r\n\r\n",
    },
    "both": {
        # The one in C takes the greatest length that it knows for none at all.
        "a length that is taken for none": HEAD + b"Content-Length: 18446744073709551615\r\n\r\n",
        "a version 2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        "two codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "a coding over HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "another host": b"GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
        "TRACE": b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
        "a field that decides, twice": HEAD + b"Upload-Offset: 0\r\nUpload-Offset: 1\r\n\r\n",
    },
}
KINDS = {"C": http_parser.HttpRequestParserC, "Python": http_parser.HttpRequestParserPy}


def takes(kind: str, data: bytes) -> bool:
    """Whether a parser makes requests of `data`."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    parser = KINDS[kind](
        protocol, loop, 2**16, max_line_size=8192, max_field_size=32768, auto_decompress=False
    )
    protocol._parser = parser
    try:
        messages, _, _ = parser.feed_data(data)
    except HttpProcessingError:
        return False
    return bool(messages)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BOTH_REFUSE)
async def test_what_is_doubtful_is_refused_by_both_parsers(kind: str, name: str) -> None:
    assert not takes(kind, BOTH_REFUSE[name])


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, some in LENIENT.items() for n in some])
async def test_where_a_parser_is_lenient_is_known(kind: str, name: str) -> None:
    lenient = {*KINDS} if kind == "both" else {kind}
    assert {one for one in KINDS if takes(one, LENIENT[kind][name])} == lenient
