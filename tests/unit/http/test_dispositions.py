"""File names for browsers: nothing breaks out of the header, nothing misleads."""

import re
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.http.dispositions import attachment

SHAPE = re.compile(r"attachment; filename=\"([ !#$&-\[\]-~]*)\"; filename\*=UTF-8''(\S*)")
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(names)
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    assert SHAPE.fullmatch(attachment(name)), attachment(name)


@given(names)
def test_a_parser_finds_one_name(name: str) -> None:
    message = Message()
    message["Content-Disposition"] = attachment(name)
    assert message.get_content_disposition() == "attachment"
    parameters = message.get_params(header="Content-Disposition", failobj=[], unquote=True)
    assert [key for key, _ in parameters] == ["attachment", "filename", "filename"]


@pytest.mark.parametrize(
    "name",
    [
        "trace.log",
        "Präsentation.pdf",
        "日本語 ログ.txt",
        "\u06af\u0632\u0627\u0631\u0634\u200c\u0647\u0627.txt",  # Persian needs its joiner
        "\U0001f469\u200d\U0001f4bb.txt",
    ],
)
def test_a_harmless_name_arrives_as_it_is(name: str) -> None:
    match = SHAPE.fullmatch(attachment(name))
    assert match is not None
    assert unquote(match[2]) == name


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u2028", "\x85", "\n"])
def test_what_turns_or_breaks_a_line_is_left_out(character: str) -> None:
    assert attachment(f"a{character}b").endswith("filename*=UTF-8''a_b")
