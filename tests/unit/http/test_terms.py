"""The words of the core have names for people."""

import pytest

from transfer.core.access import Door, Role
from transfer.core.cases import SUBSTATUSES, Priority, Status
from transfer.core.closure import CloseReason
from transfer.http.site.terms import TERMS, term

SUBSTATUS_WORDS = [one for several in SUBSTATUSES.values() for one in several]
WORDS = [*Status, *Role, *Door, *Priority, *CloseReason, *SUBSTATUS_WORDS]


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_the_core_is_a_term(word: str) -> None:
    assert term(word) == TERMS[word]


def test_a_word_of_another_case_core_stays_as_it_is() -> None:
    assert term("Waiting for the moon") == "Waiting for the moon"
