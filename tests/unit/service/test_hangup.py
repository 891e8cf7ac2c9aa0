"""SIGHUP: read again, where no terminal is hung up."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer.service.hangup import on_hangup, surviving_hangups


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    """Have a hangup end the process, as it does but where `nohup` began the tests."""
    kept = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
    signal.signal(signal.SIGHUP, kept)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the process's standard input be a terminal."""
    primary, secondary = os.openpty()
    with os.fdopen(secondary) as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        yield
    os.close(primary)


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with Path(os.devnull).open() as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        yield


@pytest.mark.usefixtures("no_terminal")
async def test_a_hangup_is_an_order_to_read_again() -> None:
    told = asyncio.Event()
    with surviving_hangups():
        os.kill(os.getpid(), signal.SIGHUP)
        with on_hangup(told.set):
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(5):
                await told.wait()
        os.kill(os.getpid(), signal.SIGHUP)


@pytest.mark.usefixtures("terminal")
async def test_a_terminal_that_is_gone_takes_the_service_along() -> None:
    with surviving_hangups(), on_hangup(lambda: None):
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


async def test_a_service_without_standard_input_has_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with surviving_hangups():
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
