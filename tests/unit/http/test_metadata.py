"""Upload-Metadata: what is understood, and what is refused."""

import base64
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.errors import InvalidRequestError
from transfer.http.metadata import UNNAMED, describe_file, parse_metadata

keys = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1
)
values = st.dictionaries(keys, st.binary(max_size=40), max_size=6)


def encoded(pairs: dict[str, bytes], separator: str = ",") -> str:
    return separator.join(
        f"{key} {base64.b64encode(value).decode()}" for key, value in pairs.items()
    )


@given(values, st.sampled_from([",", ", "]))
def test_what_is_sent_is_what_is_read(pairs: dict[str, bytes], separator: str) -> None:
    assert parse_metadata(encoded(pairs, separator)) == pairs


@given(st.text())
def test_any_header_is_read_or_refused(header: str) -> None:
    with contextlib.suppress(InvalidRequestError):
        describe_file(parse_metadata(header))


@given(
    st.dictionaries(
        st.sampled_from(["filename", "relativePath", "filetype", "lastModified", "sha256"]),
        st.text().map(str.encode) | st.binary(),
    )
)
def test_any_values_are_understood_or_refused(pairs: dict[str, bytes]) -> None:
    try:
        described = describe_file(parse_metadata(encoded(pairs)))
    except InvalidRequestError:
        return
    assert described.path
    assert described.modified_at is None or described.modified_at.tzinfo is UTC


@pytest.mark.parametrize("value", ["", "null", "undefined", "  "])
def test_what_browsers_send_for_nothing_is_nothing(value: str) -> None:
    pairs = dict.fromkeys(("filetype", "lastModified", "sha256"), value.encode())
    described = describe_file(pairs)
    assert (described.content_type, described.modified_at, described.sha256) == (None, None, None)


def test_a_file_without_a_name_is_called_unnamed() -> None:
    assert describe_file({}).path == UNNAMED
    assert describe_file({"filename": b""}).path == UNNAMED


def test_a_file_may_be_called_null() -> None:
    assert describe_file({"filename": b"null", "relativePath": b"null"}).path == "null"


@given(st.datetimes(datetime(1990, 1, 1), datetime(2500, 1, 1)))  # noqa: DTZ001 -- made aware below
def test_a_time_is_understood_in_three_spellings(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=0)
    milliseconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
    for text in (str(milliseconds), str(milliseconds // 1000), moment.isoformat()):
        assert describe_file({"lastModified": text.encode()}).modified_at == moment


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "-5", "1e3", "9" * 15, "٣"]
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="lastModified"):
        describe_file({"lastModified": text.encode()})
