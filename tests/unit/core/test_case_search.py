"""What cases are looked for by."""

import pytest

from transfer.core.case_search import LONGEST_SEARCH, MOST_WORDS, checked, parse_words
from transfer.core.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("  ", ()),
        ("3256109", ("3256109",)),
        (" node\tACME  ", ("node", "ACME")),
        ("grüße ☃", ("grüße", "☃")),
    ],
)
def test_words_are_what_stands_between_spaces(text: str, words: tuple[str, ...]) -> None:
    assert parse_words(text) == words


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * (LONGEST_SEARCH + 1)])
def test_what_nothing_is_called_is_not_looked_for(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        checked(text)
    with pytest.raises(InvalidRequestError):
        parse_words(text)


def test_a_few_words_are_looked_for_at_once() -> None:
    assert len(parse_words("a " * MOST_WORDS)) == MOST_WORDS
    with pytest.raises(InvalidRequestError, match="at most"):
        parse_words("a " * (MOST_WORDS + 1))


def test_what_can_be_looked_for_stays_as_it_is() -> None:
    assert checked("x" * LONGEST_SEARCH) == "x" * LONGEST_SEARCH
