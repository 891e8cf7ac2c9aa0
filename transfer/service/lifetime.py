"""How a process of the service lives: until a signal asks it to leave, and not much longer."""

import asyncio
import os
import resource
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from transfer.service.hangup import surviving_hangups

_log = structlog.get_logger(__name__)

LEAVE_WITHIN_SECONDS = 9.5
"""From the first signal to the end, whatever hangs."""

_SAME_SECONDS = 0.5
"""A signal that follows another so soon is the same one: some senders tell the process and its
group."""

_DESCRIPTORS = 65536
"""Enough for the connections of one process, their files and sockets to the store."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def live(
    main: Callable[[], Coroutine[Any, Any, None]],
    *,
    leave_within_seconds: float = LEAVE_WITHIN_SECONDS,
) -> None:
    """Run `main` until it ends by itself, or is cancelled by a signal and has cleaned up.

    A second signal ends the process at once, as does a clean-up that takes too long: bytes that
    were acknowledged are durable anyway, and children are on a leash.
    """
    _allow_descriptors()
    watchdog = threading.Timer(leave_within_seconds, _give_up)
    watchdog.daemon = True
    try:
        with surviving_hangups():
            asyncio.run(_until_told(main, watchdog))
    finally:
        watchdog.cancel()


async def _until_told(
    main: Callable[[], Coroutine[Any, Any, None]], watchdog: threading.Timer
) -> None:
    task = asyncio.ensure_future(main())
    loop = asyncio.get_running_loop()
    told: float | None = None

    def on_signal(number: signal.Signals) -> None:
        nonlocal told
        if told is not None:
            if loop.time() - told > _SAME_SECONDS:
                _log.warning("service.forced", signal=number.name)
                os._exit(1)
            return
        told = loop.time()
        _log.info("service.stopping", signal=number.name)
        watchdog.start()
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        await task
    except asyncio.CancelledError:
        if told is None:
            raise


def _allow_descriptors() -> None:
    """Take as many descriptors as the system allows: what is usual is fewer than connections."""
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, _DESCRIPTORS)
    if usual != resource.RLIM_INFINITY and usual < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _give_up() -> None:
    _log.error("service.did-not-stop")
    os._exit(1)
