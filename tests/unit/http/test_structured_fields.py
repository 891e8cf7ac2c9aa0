"""Structured fields: what is written is read again, and what is ill-formed isn't there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from transfer.http.structured_fields import boolean, dictionary, integer, serialise

LARGEST = 10**15 - 1


def fields(*values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("Field", value) for value in values]))


@given(st.integers(min_value=0, max_value=LARGEST))
def test_a_count_is_read_as_it_was_written(count: int) -> None:
    assert integer(fields(serialise(count)), "field") == count


@given(st.booleans())
def test_a_truth_is_read_as_it_was_written(truth: bool) -> None:
    assert boolean(fields(serialise(truth)), "field") is truth


@given(
    st.dictionaries(
        st.from_regex(r"[a-z*][a-z0-9_\-.*]{0,8}", fullmatch=True),
        st.one_of(st.binary(max_size=64), st.integers(min_value=2, max_value=LARGEST)),
        min_size=1,
    )
)
def test_a_dictionary_is_read_as_it_was_written(members: dict[str, bytes | int]) -> None:
    assert dictionary(fields(serialise(members)), "field") == members


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        ("-1",),
        ("1.0",),
        ("+1",),
        ("0x10",),
        ("1 2",),
        ("1, 1",),
        ("1", "1"),
        ("?1",),
        ('"1"',),
        (str(LARGEST + 1),),
        (str(2**63),),
        ("\udcff",),
        ("\u0661",),
    ],
)
def test_what_is_no_count_is_not_there(values: tuple[str, ...]) -> None:
    assert integer(fields(*values), "field") is None


@pytest.mark.parametrize("values", [(), ("",), ("1",), ("true",), ("?2",), ("?1", "?1"), ("?1 x",)])
def test_what_is_no_truth_is_not_there(values: tuple[str, ...]) -> None:
    assert boolean(fields(*values), "field") is None


@pytest.mark.parametrize("value", ["a=", "a=:AA", "A=1", "a=1,", "a=1 b=2"])
def test_what_is_no_dictionary_is_told_from_none(value: str) -> None:
    assert dictionary(fields(value), "field") is None
    assert dictionary(fields(), "field") == {}


def test_parameters_change_nothing() -> None:
    assert integer(fields("7;q=1"), "field") == 7
    assert dictionary(fields("a=1;x=2", "b=3"), "field") == {"a": 1, "b": 3}


@given(st.text(max_size=30))
def test_any_text_is_read_without_a_surprise(text: str) -> None:
    for read in (integer, boolean, dictionary):
        read(fields(text), "field")
