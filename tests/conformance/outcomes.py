"""What came of each sentence: pass, fail, not offered, not seen; kept as JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

import pytest

from tests.conformance.wire import Target

OURS_LACKS = frozenset({"checksum-trailer"})
"""What this project's service doesn't offer. Whatever else is missing there, is a failure."""


class Outcome(StrEnum):
    """What can come of a sentence."""

    PASS = "pass"
    FAIL = "fail"
    NOT_OFFERED = "not offered"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One sentence, asked once; `variant` is how, where it was asked in several ways."""

    area: str
    sentence: str
    variant: str | None
    place: tuple[str, int]
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The server that is asked: strangers may lack what ours may not."""

    target: Target
    is_ours: bool

    def not_offered(self, feature: str) -> NoReturn:
        """End a test of what the server doesn't say it has."""
        if self.is_ours and feature not in OURS_LACKS:
            pytest.fail(f"{feature} is offered no more")
        pytest.skip(f"{Outcome.NOT_OFFERED}: {feature}")

    def not_seen(self, why: str) -> NoReturn:
        """End a test whose question can't be put to this server from outside."""
        if self.is_ours:
            pytest.fail(f"not to be seen any more: {why}")
        pytest.skip(f"{Outcome.NOT_SEEN}: {why}")


def result_of(report: pytest.TestReport) -> Result | None:
    """Return what came of a test, None for a step that decides nothing."""
    told = dict(report.user_properties)
    if "sentence" not in told or not (report.when == "call" or report.outcome != "passed"):
        return None
    outcome, why = _outcome(report)
    variant = told["variant"]
    return Result(
        area=str(told["area"]),
        sentence=str(told["sentence"]),
        variant=None if variant is None else str(variant),
        place=(Path(report.location[0]).name, report.location[1] or 0),
        outcome=outcome,
        why=why,
    )


def _outcome(report: pytest.TestReport) -> tuple[Outcome, str]:
    if report.outcome == "passed":
        return Outcome.PASS, ""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        kind, _, why = report.longrepr[2].removeprefix("Skipped: ").partition(": ")
        return Outcome(kind), why
    message = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr))
    return Outcome.FAIL, message.partition("\n")[0]


def write(path: Path, server: str, results: Iterable[Result]) -> None:
    """Keep the results of one run, as JSON."""
    ordered = sorted(results, key=lambda result: (result.place, result.variant or ""))
    content = {"server": server, "results": [asdict(result) for result in ordered]}
    path.write_text(json.dumps(content, indent=1) + "\n")


def read(path: Path) -> tuple[str, list[Result]]:
    """Return what `write` has kept: the server's name, and the results."""
    content = json.loads(path.read_bytes())
    results = [
        Result(**{**each, "place": tuple(each["place"]), "outcome": Outcome(each["outcome"])})
        for each in content["results"]
    ]
    return content["server"], results
