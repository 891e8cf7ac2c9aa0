"""What an operator watches: counters that only grow, and gauges that show what is now."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is counted or shown: its name in /metrics, what it means, its labels.

    A counter's name has no `_total`: that is added where it is printed. Labels are few and have
    few values: never an id, a name or an address.
    """

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


class Meter(Protocol):
    """Counts and shows, in this process, from its start on."""

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Add to a counter; 0 has it shown before anything has happened."""

    def show(self, measure: Measure, value: float, **labels: str) -> None:
        """Set a gauge."""


class NoMeter:
    """Plays the role where nobody watches."""

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Count nothing."""

    def show(self, measure: Measure, value: float, **labels: str) -> None:
        """Show nothing."""
