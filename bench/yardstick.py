"""What one core can do, measured in the same run: SHA-256 of as much as is sent."""

import hashlib
import time
from dataclasses import dataclass

from bench.meter import Guard
from bench.workplace import GIB, MIB


@dataclass(frozen=True)
class Yardstick:
    """SHA-256 by hashlib in pieces of 1 MiB, from memory, on one core."""

    mb_per_second: float
    cpu_seconds_per_gib: float
    other_share: float


def measure_yardstick(size: int) -> Yardstick:
    """Hash `size` bytes."""
    piece = bytes(MIB)
    digest = hashlib.sha256()
    with Guard() as guard:
        begun, cpu = time.perf_counter(), time.process_time()
        for _ in range(size // MIB):
            digest.update(piece)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return Yardstick(size / 1e6 / seconds, cpu / size * GIB, guard.other_share)
