"""The headers of tus, read strictly."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from transfer.core.errors import InvalidRequestError
from transfer.core.parts import MAX_FILE_BYTES
from transfer.http import tus_headers as headers


def proxied(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@given(st.integers(min_value=0, max_value=10**19 - 1))
def test_a_number_of_bytes_is_read(count: int) -> None:
    assert headers.upload_offset(proxied(("Upload-Offset", str(count)))) == count
    assert headers.created_length(proxied(("upload-length", f" {count} "))) == count
    assert headers.late_length(proxied(("Upload-Length", str(count)))) == count


@given(st.text().filter(lambda text: not text.strip().isdigit()))
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        headers.upload_offset(proxied(("Upload-Offset", text)))


def test_a_header_that_is_there_twice_is_refused() -> None:
    twice = proxied(("Upload-Offset", "1"), ("upload-offset", "1"))
    with pytest.raises(InvalidRequestError, match="once"):
        headers.upload_offset(twice)


def test_a_deferred_length_is_none() -> None:
    assert headers.created_length(proxied(("Upload-Defer-Length", "1"))) is None
    assert headers.late_length(proxied()) is None


@pytest.mark.parametrize("name", ["Upload-Length", "upload-defer-length"])
def test_a_length_where_none_belongs_is_refused(name: str) -> None:
    headers.check_no_length(proxied(("Upload-Concat", "final;/a")))
    with pytest.raises(InvalidRequestError):
        headers.check_no_length(proxied((name, "1")))


def test_a_limit_is_told_only_where_there_is_one() -> None:
    assert headers.discovery(1000)["Tus-Max-Size"] == "1000"
    assert "Tus-Max-Size" not in headers.discovery(MAX_FILE_BYTES)


def test_no_checksum_is_none() -> None:
    assert headers.chunk_checksum(proxied()) is None


def test_a_date_is_written_in_gmt() -> None:
    east = timezone(timedelta(hours=2))
    assert headers.http_date(datetime(2026, 3, 2, 11, 0, 0, 999, tzinfo=east)) == (
        "Mon, 02 Mar 2026 09:00:00 GMT"
    )
    assert headers.http_date(datetime(2026, 3, 2, tzinfo=UTC)).endswith(" GMT")
