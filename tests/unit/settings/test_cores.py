"""Settings of the case core: which one, and all that it needs."""

from datetime import timedelta
from pathlib import Path

import pytest

from transfer.settings import SettingsError, load

REST = {
    "case_core": "rest",
    "case_core_url": "https://cases.example.com/v1",
    "case_core_token_file": "token",
}


def settings(**changed: object) -> dict[str, object]:
    return {**REST, **changed}


def test_the_embedded_core_is_the_default_and_needs_nothing() -> None:
    assert load().case_core == "embedded"


def test_another_core_has_an_address_and_a_token() -> None:
    loaded = load(**REST)
    assert (loaded.case_core, loaded.case_core_url) == ("rest", REST["case_core_url"])
    assert loaded.case_core_token_file == Path("token")
    assert loaded.case_core_answer_lifetime == timedelta(seconds=10)
    again = load(**loaded.to_given())
    assert again == loaded


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"case_core": "salesforce"}, "CASE_CORE: expected embedded, rest or roundup"),
        ({"case_core": None}, "CASE_CORE: expected"),
        ({"case_core_url": None}, "CASE_CORE_URL: missing"),
        ({"case_core_url": None, "case_core_token_file": None}, "CASE_CORE_URL: expected"),
        ({"case_core_url": "http://cases.example.com"}, "CASE_CORE_URL: expected"),
        ({"case_core_token_file": None}, "CASE_CORE_TOKEN_FILE: expected"),
        ({"case_core_timeout": "9s"}, "CASE_CORE_TIMEOUT: expected"),
        ({"case_core_answer_lifetime": "0s"}, "CASE_CORE_ANSWER_LIFETIME: expected"),
        ({"case_core_answer_lifetime": "1h"}, "CASE_CORE_ANSWER_LIFETIME: expected"),
    ],
)
def test_what_cannot_be_is_a_fault(changed: dict[str, object], fault: str) -> None:
    with pytest.raises(SettingsError, match=f"TRANSFER_{fault}"):
        load(**settings(**changed))
