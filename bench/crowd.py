"""A few fast clients, alone and beside many slow ones."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.exercises import Done, Exercise
from bench.processes import BenchError, Process, environment
from bench.slow_clients import Order
from bench.tus_client import upload
from bench.workplace import KIB, MIB, REPOSITORY

_SETTLE_SECONDS = 2.0


class FastAmongSlow(Exercise):
    """A few fast uploads at once, beside as many slow clients as the server is to have."""

    fast_clients = 5
    slow_bytes_per_second = 64 * KIB

    def prepare(self) -> None:
        """Have the program of the slow clients."""
        target, folder = self.server.http(), self.place.scratch
        order = folder / f"{self.server.slug}-order.json"
        self._log = folder / f"{self.server.slug}-slow.txt"
        order.write_text(
            Order(
                port=target.port,
                create_path=target.create_path,
                headers=dict(target.headers),
                clients=self.server.slow_clients,
                bytes_per_second=self.slow_bytes_per_second,
            ).as_json()
        )
        self._slow = Process(
            "the crowd of slow clients",
            [sys.executable, "-m", "bench.slow_clients", order],
            log=self._log,
            cwd=REPOSITORY,
            env=environment(),
        )

    def ready(self) -> None:
        """Let the slow ones begin, and come to their pace."""
        if self.server.slow_clients:
            self._log.write_text("")
            self._slow.start(lambda: "ready" in self._log.read_text(), within_seconds=60)
            time.sleep(_SETTLE_SECONDS)

    def run(self) -> Done:
        """Send the fast ones' files, all at once."""
        size = self.scale.size // self.fast_clients // MIB * MIB
        with ThreadPoolExecutor(self.fast_clients) as pool:
            list(pool.map(lambda number: self._send(number, size), range(self.fast_clients)))
        return Done(size * self.fast_clients)

    def check(self) -> None:
        """Let the slow ones go; they must still have been there."""
        cut_off = self.server.slow_clients and not self._slow.family()
        words = self._slow.last_words() if cut_off else ""
        self._slow.stop()
        if cut_off:
            raise BenchError(f"the slow clients didn't last: {words}")

    def _send(self, number: int, size: int) -> None:
        target = self.server.http()
        with target.connect() as connection:
            name = f"{self.step.label}-{number}.log"
            source = self.place.source.path
            upload(target, connection, source, name=name, size=size, chunk=16 * MIB)
