"""`transfer sweep` and `verify`, as far as they go without a store."""

import io
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from transfer.cli.sweeping import _added
from transfer.cli.verification import _parse_rate, _progress
from transfer.core.errors import InvalidRequestError
from transfer.engine.rereads import RereadProgress


def test_nothing_found_is_an_empty_list(run: Run) -> None:
    assert run("sweep", "list", "--json").json == {"findings": []}
    assert "There are no findings" in run("sweep", "list").err


@pytest.mark.parametrize("rate", ["fast", "-1MiB", "255KiB", "0"])
def test_a_rate_that_is_none_is_told(run: Run, rate: str) -> None:
    failed = run("verify", f"--rate={rate}")
    assert failed.status == 1
    assert failed.err.startswith("Error: A rate is ")


def test_a_rate_is_a_size() -> None:
    assert _parse_rate(None) is None
    assert _parse_rate("50MiB") == 50 * 1024**2
    assert _parse_rate("262144") == 262_144
    with pytest.raises(InvalidRequestError):
        _parse_rate("much")


def test_a_case_that_is_no_number_is_told(run: Run) -> None:
    assert run("verify", "--case", "7").status == 1


def test_reports_add_up() -> None:
    first: dict[str, Any] = {"strays": 2, "deleted": {"versions": 1}, "ended": ["a"], "more": True}
    then: dict[str, Any] = {"strays": 1, "deleted": {"versions": 2}, "ended": ["b"], "more": False}
    assert _added(first, then) == {
        "strays": 3,
        "deleted": {"versions": 3},
        "ended": ["a", "b"],
        "more": False,
    }
    assert _added({}, then) == then


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    progress = RereadProgress(files=3, size_bytes=5 * 1024**2, total_files=7, total_bytes=2**30)
    with _progress(shown=False) as tell:
        tell(progress)
    assert screen.getvalue() == ""
    with _progress(shown=True) as tell:
        tell(progress)
    assert "3 of 7 files" in screen.getvalue()
