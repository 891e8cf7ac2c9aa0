"""What a server costs while it is measured, and what the rest of the machine was doing."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_SAMPLE_SECONDS = 0.2
_QUIET_SECONDS = 0.2
_QUIET_LIMIT_SECONDS = 3.0

Family = Callable[[], list[psutil.Process]]


class CostMeter:
    """CPU-seconds and peak RSS of a family of processes, over a `with` block.

    The peak is the kernel's high-water mark, reset at the start, so a short spike isn't missed;
    sampling only finds processes that come and go. For a server of several processes the peaks
    are added, pages they share included: an upper bound. CPU is read once the family is quiet, so
    that work put off beyond the last answer is counted too.
    """

    def __init__(self, family: Family) -> None:
        self._family = family
        self._peaks: dict[psutil.Process, int] = {}
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._cpu_before = 0.0
        self.cpu_seconds = 0.0
        self.peak_rss_bytes = 0

    def __enter__(self) -> Self:
        for process in self._family():
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        self._cpu_before = cpu_of(self._family())
        self._sampler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._sampler.join()
        self._look()
        if kind is None:
            self._wait_until_quiet()
        self.cpu_seconds = cpu_of(self._family()) - self._cpu_before
        self.peak_rss_bytes = sum(self._peaks.values())

    def _sample(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        for process in self._family():
            with contextlib.suppress(psutil.Error, OSError):
                self._peaks[process] = max(self._peaks.get(process, 0), _peak_rss(process))

    def _wait_until_quiet(self) -> None:
        deadline = time.perf_counter() + _QUIET_LIMIT_SECONDS
        spent = cpu_of(self._family())
        while time.perf_counter() < deadline:
            time.sleep(_QUIET_SECONDS)
            now = cpu_of(self._family())
            if now - spent < 0.1 * _QUIET_SECONDS:
                return
            spent = now


class Guard:
    """How much of the machine others took during a `with` block, as a share of all its cores.

    Everything the benchmark starts is its descendant, so "others" is what the machine was busy
    with, less this process and its descendants. Time stolen by a hypervisor counts as others.
    """

    def __init__(self) -> None:
        self._self = psutil.Process()
        self._before = (0.0, 0.0, 0.0)
        self.other_share = 0.0

    def __enter__(self) -> Self:
        self._before = self._read()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        busy, own, wall = (now - then for now, then in zip(self._read(), self._before, strict=True))
        capacity = max(wall, 0.01) * (psutil.cpu_count() or 1)
        self.other_share = max(0.0, busy - own) / capacity

    def _read(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        # The kernel counts guests within user, and iowait is a way of being idle.
        busy = times.user + times.nice + times.system
        busy += sum(getattr(times, name, 0.0) for name in ("irq", "softirq", "steal"))
        own = cpu_of([self._self, *self._self.children(recursive=True)])
        return busy, own, time.perf_counter()


def cpu_of(family: Iterable[psutil.Process]) -> float:
    """Return the CPU-seconds of living processes and of their children that have ended."""
    total = 0.0
    for process in family:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _peak_rss(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():  # not Linux: what is resident now is the best that can be had
        return int(process.memory_info().rss)
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def describe_machine() -> dict[str, str | int]:
    """Return what the absolute figures depend on."""
    model = "unknown"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    system = os.uname()
    return {
        "cpu": model,
        "cores": psutil.cpu_count() or 0,
        "memory_mib": psutil.virtual_memory().total >> 20,
        "kernel": f"{system.sysname} {system.release} {system.machine}",
    }
