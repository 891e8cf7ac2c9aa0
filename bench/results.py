"""What was measured, and the figures made from it."""

import statistics
from dataclasses import dataclass, field

from bench.scenarios import Scenario


@dataclass(frozen=True)
class Turn:
    """One timed turn of one contestant."""

    round: int
    seconds: float
    amount: int
    cpu_seconds: float
    store_cpu_seconds: float
    peak_rss_bytes: int
    other_share: float
    extra: dict[str, float]


@dataclass
class Outcome:
    """All turns of a contestant in a scenario; `problem` says why there are none, or too few."""

    contestant: str
    turns: list[Turn] = field(default_factory=list)
    problem: str = ""
    cipher: str = ""


@dataclass(frozen=True)
class Figures:
    """A contestant's figures: medians over the rounds, but the highest of the memory's peaks."""

    rate: float
    cost: float
    store_cost: float
    rss_mib: float
    other_share: float
    extra: dict[str, float]


@dataclass
class Comparison:
    """A scenario's outcomes, in the order of the contestants: ours comes first."""

    scenario: Scenario
    outcomes: list[Outcome]

    def figures(self, outcome: Outcome) -> Figures | None:
        """Return an outcome's figures, unless it failed: half a measurement isn't one."""
        turns = outcome.turns
        if outcome.problem or not turns:
            return None
        unit = self.scenario.unit
        median = statistics.median
        return Figures(
            rate=median(turn.amount / unit.rate_size / turn.seconds for turn in turns),
            cost=median(turn.cpu_seconds / turn.amount * unit.cost_size for turn in turns),
            store_cost=median(
                turn.store_cpu_seconds / turn.amount * unit.cost_size for turn in turns
            ),
            rss_mib=max(turn.peak_rss_bytes for turn in turns) / (1 << 20),
            other_share=max(turn.other_share for turn in turns),
            extra={name: median(turn.extra[name] for turn in turns) for name in turns[0].extra},
        )


@dataclass(frozen=True)
class Ratios:
    """Ours divided by a peer's; for the speed also the lowest and highest of a single round."""

    rate: float
    rate_low: float
    rate_high: float
    cost: float
    rss: float


def compare(comparison: Comparison, ours: Outcome, peer: Outcome) -> Ratios | None:
    """Divide our figures by a peer's, if both were measured."""
    mine, theirs = comparison.figures(ours), comparison.figures(peer)
    if not mine or not theirs:
        return None
    rounds = [
        (a.amount / a.seconds) / (b.amount / b.seconds)
        for a, b in zip(ours.turns, peer.turns, strict=True)
    ]
    return Ratios(
        rate=mine.rate / theirs.rate,
        rate_low=min(rounds),
        rate_high=max(rounds),
        cost=mine.cost / theirs.cost if theirs.cost else float("nan"),
        rss=mine.rss_mib / theirs.rss_mib if theirs.rss_mib else float("nan"),
    )
