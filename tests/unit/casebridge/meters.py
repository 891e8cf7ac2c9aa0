"""A meter for tests."""

from dataclasses import dataclass, field

from transfer.ports import Measure


@dataclass
class ReadMeter:
    """What was counted and shown, by the name of the measure; plays `transfer.ports.Meter`."""

    counted: dict[str, float] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        assert set(labels) == set(measure.labels)
        self.counted[measure.name] = self.counted.get(measure.name, 0) + amount

    def show(self, measure: Measure, value: float, **labels: str) -> None:
        assert set(labels) == set(measure.labels)
        self.shown[measure.name] = value
