"""What a request says of the file in its body."""

import contextlib
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from transfer.core.errors import InvalidNameError, InvalidRequestError
from transfer.core.names import parse_path, split
from transfer.http.dispositions import attachment
from transfer.http.representations import describe


def fields(**values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(
        CIMultiDict({name.replace("_", "-"): value for name, value in values.items()})
    )


@pytest.mark.parametrize(
    ("disposition", "path"),
    [
        ("inline; filename=trace.log", "trace.log"),
        ('attachment; filename="a trace.log"', "a trace.log"),
        (r'inline; filename="a \"trace\".log"', 'a "trace".log'),
        ("inline;filename*=UTF-8''na%C3%AFve.log", "naïve.log"),
        ("inline; filename*=utf-8'en'a%20b", "a b"),
        ("inline; filename*=ISO-8859-1''na%EFve", "naïve"),
        ("inline; filename=plain; filename*=UTF-8''b%C3%A9tter", "bétter"),
        ("inline; FileName*=UTF-8''first; filename=second; size=4;", "first"),
        ("inline; filename*=UTF-8''logs%2Fnode-1%2Ftrace.log", "logs/node-1/trace.log"),
        ('inline; filename="naïve.log"', "naïve.log"),
        ('form-data; name="file"; filename="trace.log"', "trace.log"),
        ("inline", "unnamed"),
        ('inline; filename=""', "unnamed"),
        ("", "unnamed"),
    ],
)
def test_content_disposition_names_the_file(disposition: str, path: str) -> None:
    assert describe(fields(Content_Disposition=disposition)).path == path


def test_a_file_without_a_name_is_unnamed() -> None:
    assert describe(fields()).path == "unnamed"


@pytest.mark.parametrize(
    "disposition",
    [
        "; filename=a",
        "inline; filename",
        "inline; filename=a b",
        'inline; filename="a',
        "inline; filename=a; filename=b",
        "inline; filename*=a",
        "inline; filename*=UTF-16''a",
        "inline; filename*=UTF-8''%FF",
        'inline; filename="\udcff"',
        "inline, attachment",
    ],
)
def test_a_malformed_disposition_is_refused(disposition: str) -> None:
    with pytest.raises(InvalidRequestError, match="Content-Disposition"):
        describe(fields(Content_Disposition=disposition))


@pytest.mark.parametrize("name", ["..", "..%2F..%2Fetc%2Fpasswd", "a%00b", "%2E%2E%2Fsecret"])
def test_a_name_that_cannot_be_stored_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        describe(fields(Content_Disposition=f"inline; filename*=UTF-8''{name}"))


@given(st.text(min_size=1, max_size=40))
def test_a_name_is_read_as_it_is_told_to_those_who_download(name: str) -> None:
    try:
        stored = split(parse_path(name))[1]
    except InvalidNameError:
        return
    told = attachment(stored)
    assume(quote(stored, safe="!#$&+-.^_`|~") in told)  # but for characters that mislead
    assert describe(fields(Content_Disposition=told)).path == stored


@given(st.text(max_size=60))
def test_any_disposition_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidRequestError):
        describe(fields(Content_Disposition=text))


def test_the_type_and_the_time_are_kept() -> None:
    described = describe(
        fields(
            Content_Type="text/plain; charset=utf-8",
            Last_Modified="Mon, 02 Mar 2026 09:00:00 GMT",
        ),
        "ab" * 32,
    )
    assert described.content_type == "text/plain; charset=utf-8"
    assert described.modified_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert described.sha256 == "ab" * 32


def test_the_type_of_a_partial_upload_says_nothing_of_the_file() -> None:
    assert describe(fields(Content_Type="application/partial-upload")).content_type is None


@pytest.mark.parametrize(
    "malformed",
    [
        {"Content_Type": "text/plain\u00e9"},
        {"Content_Type": "x" * 256},
        {"Last_Modified": "yesterday"},
        {"Last_Modified": "Mon, 02 Mar 2026 09:00:00"},
        {"Last_Modified": "Mon, 02 Mar 99999 09:00:00 GMT"},
    ],
)
def test_a_malformed_type_or_time_is_refused(malformed: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError):
        describe(fields(**malformed))


def test_what_is_told_twice_is_refused() -> None:
    twice = CIMultiDictProxy(
        CIMultiDict([("Content-Disposition", "inline"), ("Content-Disposition", "inline")])
    )
    with pytest.raises(InvalidRequestError, match="once"):
        describe(twice)
