"""SIGHUP: read again what may have changed on the disk.

On a terminal it means that the terminal is gone, and the service ends with it as any program does.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_hangup(action: Callable[[], object]) -> Iterator[None]:
    """Have SIGHUP call `action` in the event loop meanwhile."""
    if _is_on_terminal():
        yield
        return
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGHUP)
    loop.add_signal_handler(signal.SIGHUP, action)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)


@contextmanager
def surviving_hangups() -> Iterator[None]:
    """Have SIGHUP not end the process while it begins or leaves."""
    if _is_on_terminal():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _is_on_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
