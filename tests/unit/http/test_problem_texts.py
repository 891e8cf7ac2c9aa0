"""What people are told of problems: every one of them, and what to do next."""

import pytest

from transfer.http.errors import ANSWERS
from transfer.http.site.problem_texts import problem_text, problem_texts

OF_HTTP = (
    "bad-request",
    "expectation-failed",
    "malformed-body",
    "method-not-allowed",
    "misdirected",
    "not-found",
    "not-implemented",
    "precondition-failed",
    "range-not-satisfiable",
    "request-header-fields-too-large",
    "request-timeout",
    "too-large",
    "too-many-requests",
    "unsupported-media-type",
    "uri-too-long",
)


@pytest.mark.parametrize("code", sorted({error.code for error in ANSWERS}.union(OF_HTTP)))
def test_every_problem_has_a_text_of_its_own(code: str) -> None:
    text = problem_texts()[code]
    assert text.title
    assert not text.title.endswith(".")
    assert text.advice.endswith(".")
    assert "%" not in text.title + text.advice  # it would be taken for a placeholder


@pytest.mark.parametrize(("status", "code"), [(499, "unknown"), (500, "internal")])
def test_a_problem_of_a_later_release_is_told_as_what_its_status_says(
    status: int, code: str
) -> None:
    assert problem_text("of-a-later-release", status) == problem_texts()[code]
