"""How a process leaves: once it is told, in order; at once, if it is told again or hangs."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.service import environment
from transfer.clock import SystemClock
from transfer.service.lifetime import live

clock = SystemClock()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_has_the_service_clean_up_and_end(number: signal.Signals) -> None:
    steps: list[str] = []

    async def serve() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(steps.append, "cleaned up")

    live(serve)
    assert steps == ["cleaned up"]


def test_a_signal_that_comes_twice_at_once_is_one() -> None:
    steps: list[str] = []

    async def serve() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.to_thread(steps.append, "cleaned up")

    live(serve)
    assert steps == ["cleaned up"]


def test_a_failure_is_passed_on() -> None:
    async def serve() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        live(serve)


def test_a_cancellation_that_nobody_asked_for_is_a_failure() -> None:
    async def serve() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        live(serve)


_HANGING = """
import asyncio
from transfer.service.lifetime import live
from transfer.telemetry import configure_logs

configure_logs()

async def serve():
    try:
        print("serving", flush=True)
        await asyncio.Event().wait()
    finally:
        print("leaving", flush=True)
        await asyncio.Event().wait()

live(serve, leave_within_seconds={seconds})
"""


@contextmanager
def hanging(seconds: float) -> "Iterator[subprocess.Popen[str]]":
    """Run a service that never gets to the end of its clean-up, up to where it hangs."""
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", _HANGING.format(seconds=seconds)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "serving\n"
            process.terminate()
            assert process.stdout.readline() == "leaving\n"
            yield process
        finally:
            process.kill()


def test_a_service_that_hangs_while_it_leaves_is_ended() -> None:
    with hanging(0.1) as process:
        assert process.wait(20) == 1


def test_a_second_signal_ends_it_at_once() -> None:
    with hanging(60) as process:
        deadline = clock.monotonic() + 20
        while process.poll() is None and clock.monotonic() < deadline:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)  # a flood of signals would keep it from acting on any
        assert process.poll() == 1


def test_the_service_takes_the_descriptors_that_it_may_have() -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(usual, 512), most))
    found: list[int] = []

    async def serve() -> None:
        found.append(resource.getrlimit(resource.RLIMIT_NOFILE)[0])

    try:
        live(serve)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))
    assert found == [65536 if most == resource.RLIM_INFINITY else min(most, 65536)]
