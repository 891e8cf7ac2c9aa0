"""Paths and names: what can be stored, what is refused, and what is the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.errors import ForbiddenError, InvalidNameError
from transfer.core.names import (
    MAX_COMPONENT_BYTES,
    ROOT,
    check_component,
    check_writable,
    components,
    is_shared,
    join,
    name_key,
    numbered,
    parse_path,
    split,
)


@pytest.mark.parametrize(
    "name",
    [
        "trace.log",
        ".bashrc",
        "...",
        "CON",
        "aux.txt",
        "a b",
        "a\\b",
        "ä.log",
        "日志",
        "a" * 255,
        "%2e",
    ],
)
def test_what_users_call_their_files_is_kept_as_it_is(name: str) -> None:
    assert parse_path(name) == name


@pytest.mark.parametrize(
    "path",
    [
        "..", "../x", "a/../b", "./a", "a/.", "a//b", "a\0b", "a\nb", "a\x7fb", "\x85", "ä" * 128,
        "x/" * 2048 + "x", "\ud800",
    ],
)  # fmt: skip
def test_what_climbs_out_or_cannot_be_a_name_is_refused(path: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_path(path)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_component_is_one_name(name: str) -> None:
    with pytest.raises(InvalidNameError):
        check_component(name)


def test_the_longest_path_is_taken_and_one_byte_more_is_not() -> None:
    path = "/".join(["a" * 255] * 16)
    assert len(path) == 4095
    assert parse_path(path) == path
    with pytest.raises(InvalidNameError):
        parse_path(path + "/bb")


def test_a_slash_at_either_end_says_nothing() -> None:
    assert parse_path("/logs/node1/") == "logs/node1"
    assert parse_path("/") == ROOT


@given(st.text(min_size=1, max_size=40))
def test_a_path_that_is_taken_holds_no_way_out(text: str) -> None:
    try:
        path = parse_path(text)
    except InvalidNameError:
        return
    assert all(component not in ("", ".", "..") for component in components(path))
    assert "\0" not in path


def test_two_spellings_of_unicode_are_one_name_and_two_cases_are_two() -> None:
    composed = "Ä.log"
    assert name_key(unicodedata.normalize("NFD", composed)) == name_key(composed)
    assert name_key("a.log") != name_key("A.log")


def test_split_undoes_join() -> None:
    assert split(join(parse_path("a/b"), "c")) == ("a/b", "c")
    assert split(join(ROOT, "c")) == (ROOT, "c")
    with pytest.raises(InvalidNameError):
        split(ROOT)


def test_each_side_writes_in_its_own_part() -> None:
    assert is_shared(parse_path("shared/fix.zip"))
    assert not is_shared(parse_path("sharedx"))
    assert not is_shared(ROOT)
    check_writable(parse_path("a.log"), is_staff=False)
    check_writable(parse_path("shared/fix.zip"), is_staff=True)
    with pytest.raises(ForbiddenError):
        check_writable(parse_path("shared/a.log"), is_staff=False)
    with pytest.raises(ForbiddenError):
        check_writable(parse_path("a.log"), is_staff=True)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("trace.log", "trace (2).log"),
        ("trace", "trace (2)"),
        (".bashrc", ".bashrc (2)"),
        ("a.tar.gz", "a.tar (2).gz"),
    ],
)
def test_a_numbered_name_keeps_its_extension(name: str, result: str) -> None:
    assert numbered(name, 2) == result


@given(
    st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1),
    st.integers(2, 10**6),
)
def test_a_numbered_name_is_another_name_that_fits(name: str, number: int) -> None:
    if name in (".", "..") or len(name.encode()) > MAX_COMPONENT_BYTES:
        return
    result = numbered(name, number)
    check_component(result)
    assert result != name


def test_a_numbered_name_with_a_huge_extension_still_fits() -> None:
    check_component(numbered("a." + "b" * 253, 12))
