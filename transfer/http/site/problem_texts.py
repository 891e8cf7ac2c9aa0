"""What people are told of a problem: what has happened, and what to do next.

The texts are in `problems.json`, by the problem's code, for the pages and their scripts alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files

_FILE = "problems.json"
_OF_OURS, _OF_THEIRS = "internal", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemText:
    """In English; templates translate it. `specific`: the problem's own sentence says more."""

    title: str
    advice: str
    specific: bool = False


@cache
def problem_texts() -> Mapping[str, ProblemText]:
    """Return all texts by code."""
    source = files("transfer.http.site").joinpath(_FILE).read_text(encoding="utf-8")
    return {code: ProblemText(**text) for code, text in json.loads(source).items()}


def problem_text(code: str, status: int) -> ProblemText:
    """Return the text for `code`, or one that is true of any problem of `status`."""
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    texts = problem_texts()
    return texts.get(code) or texts[_OF_OURS if is_ours else _OF_THEIRS]
