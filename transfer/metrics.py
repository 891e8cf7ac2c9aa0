"""What is measured in this process, as Prometheus reads it."""

from collections.abc import Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from transfer.ports.metering import Measure

T = TypeVar("T", Counter, Gauge)

PREFIX = "transfer_"


class PrometheusMeter:
    """Plays the role `transfer.ports.Meter`, with a registry of its own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[Measure, Counter] = {}
        self._gauges: dict[Measure, Gauge] = {}

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        counter = self._made(self._counters, Counter, measure)
        (counter.labels(**labels) if measure.labels else counter).inc(amount)

    def show(self, measure: Measure, value: float, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._made(self._gauges, Gauge, measure)
        (gauge.labels(**labels) if measure.labels else gauge).set(value)

    def page(self) -> bytes:
        """Return all of it as text."""
        return generate_latest(self._registry)

    def _made(self, made: dict[Measure, T], kind: Callable[..., T], measure: Measure) -> T:
        if measure not in made:
            made[measure] = kind(
                PREFIX + measure.name,
                measure.meaning,
                labelnames=measure.labels,
                registry=self._registry,
            )
        return made[measure]
