"""The table of the conformance suite: what it says of a sentence that was asked in several ways."""

from pathlib import Path

import pytest

from tests.conformance.outcomes import Outcome, Result, Subject, read, write
from tests.conformance.table import BEYOND, failures, table, totals
from tests.conformance.wire import Target


def result(
    outcome: Outcome, variant: str | None = None, *, area: str = "RUFH", sentence: str = "It is."
) -> Result:
    return Result(
        area=area,
        sentence=sentence,
        variant=variant,
        place=("test_rufh.py", 1),
        outcome=outcome,
        why="seen" if outcome is Outcome.FAIL else "",
    )


def test_a_row_has_a_cell_for_each_server() -> None:
    made = table({"a": [result(Outcome.PASS)], "b": [result(Outcome.NOT_OFFERED)], "c": []})
    assert made.splitlines()[-1] == "| It is. | pass | - |  |"


def test_ways_that_came_out_differently_are_named() -> None:
    ways = [
        result(Outcome.PASS, "3"),
        result(Outcome.FAIL, "4"),
        result(Outcome.PASS, "5"),
        result(Outcome.NOT_OFFERED, "6"),
    ]
    assert table({"a": ways}).splitlines()[-1] == "| It is. | **fail**: 4; pass: 3, 5 |"
    assert totals({"a": ways}).splitlines()[-1] == "| a | 1 | 0 | 0 | 0 |"
    assert failures(ways) == "- RUFH: It is. [4]\n  seen"


def test_the_protocols_come_first_and_what_is_beyond_them_is_not_counted() -> None:
    results = [
        result(Outcome.FAIL, area=f"{BEYOND}: more"),
        result(Outcome.PASS),
        result(Outcome.PASS, area="tus 1.0.0: core"),
    ]
    made = table({"a": results})
    assert made.index("tus 1.0.0") < made.index("RUFH") < made.index(BEYOND)
    assert totals({"a": results}).splitlines()[-1] == "| a | 0 | 2 | 0 | 0 |"


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    results = [result(Outcome.FAIL, "4"), result(Outcome.NOT_SEEN)]
    write(tmp_path / "kept.json", "a", results)
    assert read(tmp_path / "kept.json") == ("a", sorted(results, key=lambda it: it.variant or ""))


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_a_stranger_may_lack_ours_may_not(*, is_ours: bool) -> None:
    subject = Subject(target=Target(url="http://x", create="/"), is_ours=is_ours)
    ended = pytest.fail.Exception if is_ours else pytest.skip.Exception
    with pytest.raises(ended, match="checksum"):
        subject.not_offered("checksum")
    with pytest.raises(ended, match="too long"):
        subject.not_seen("it takes too long")
    with pytest.raises(pytest.skip.Exception):
        subject.not_offered("checksum-trailer")


def test_a_location_is_found_on_the_server_whether_absolute_or_not() -> None:
    target = Target(url="http://x:1/files", create="/files/")
    assert target.path("http://x:1/files/a?b=c") == "/files/a?b=c"
    assert target.path("/files/a") == "/files/a"
    assert target.path("a") == "/files/a"
    assert target.absolute("/files/a") == "http://x:1/files/a"
    with pytest.raises(ValueError, match="not a URL"):
        Target(url="x:1", create="/")
