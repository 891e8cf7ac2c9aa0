"""The command line in this process, on a folder of its own."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.logs import own_logs
from transfer.cli import main

__all__ = ["own_logs"]


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    status: int | str | None
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """What it printed with --json."""
        value: dict[str, Any] = json.loads(self.out)
        return value


Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands work on, by the environment alone."""
    for name in list(os.environ):  # noqa: TID251 - what the caller has set must not matter here
        if name.startswith("TRANSFER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRANSFER_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def run(
    data: Path,
    own_logs: None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run `transfer` with these words, as the shell does."""

    def run(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["transfer", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return Result(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def case(run: Run) -> str:
    """The number of an open case."""
    opened = run("case", "open", "--subject", "Crash", "--account", "Example", "--json")
    return str(opened.json["number"])
