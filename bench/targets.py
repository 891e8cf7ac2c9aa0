"""What the figures have to be, as ratios within one run, and whether they are."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.results import Comparison, Figures
from bench.yardstick import Yardstick


@dataclass(frozen=True)
class Verdict:
    """One target; `value` is None if its scenario gave no figures."""

    scenario: str
    what: str
    bound: float
    at_least: bool
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether it is met; None if that isn't known."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def as_line(self) -> str:
        """Return what people read."""
        word = {None: "not measured", True: "met", False: "MISSED"}[self.met]
        sign = "≥" if self.at_least else "≤"
        value = "" if self.value is None else f": {self.value:.2f}"
        return f"{word:<12}  {self.scenario:<16} {self.what} {sign} {self.bound:g}{value}"


@dataclass(frozen=True)
class _Pair:
    """The figures of ours and of what it is measured against, and of hashing as much."""

    ours: Figures
    other: Figures
    hashing: float


_Measure = Callable[[_Pair], float]


@dataclass(frozen=True)
class _Target:
    scenario: str
    what: str
    bound: float
    measure: _Measure
    at_least: bool = False


_TARGETS = (
    _Target(
        "sink-tus-up-one",
        "CPU of an upload, as a multiple of hashlib's SHA-256 of the same bytes",
        2.6,
        lambda pair: pair.ours.cost / pair.hashing,
    ),
    _Target(
        "sink-tus-up-one",
        "CPU of @tus/server, as a multiple of ours",
        5,
        lambda pair: pair.other.cost / pair.ours.cost,
        at_least=True,
    ),
    _Target(
        "tus-up-one",
        "speed of an upload to SeaweedFS, as a multiple of @tus/server's",
        1,
        lambda pair: pair.ours.rate / pair.other.rate,
        at_least=True,
    ),
    _Target(
        "cost-of-tls",
        "CPU of an upload under TLS 1.3, as a multiple of the plain one's",
        1.5,
        lambda pair: pair.ours.cost / pair.other.cost,
    ),
    _Target(
        "nginx-down",
        "speed of a download from S3, as a multiple of nginx's from the disk",
        0.5,
        lambda pair: pair.ours.rate / pair.other.rate,
        at_least=True,
    ),
    _Target(
        "nginx-down-tls",
        "the same, both under TLS 1.3",
        0.5,
        lambda pair: pair.ours.rate / pair.other.rate,
        at_least=True,
    ),
    _Target(
        "small",
        "small files a second, as a multiple of @tus/server's",
        4,
        lambda pair: pair.ours.rate / pair.other.rate,
        at_least=True,
    ),
    _Target(
        "small",
        "their 99th percentile of latency, as a multiple of @tus/server's",
        1,
        lambda pair: pair.ours.extra["p99_ms"] / pair.other.extra["p99_ms"],
    ),
    _Target(
        "crowd",
        "speed of 5 fast clients among 200 slow ones, as a multiple of theirs alone",
        0.9,
        lambda pair: pair.ours.rate / pair.other.rate,
        at_least=True,
    ),
    _Target(
        "crowd",
        "peak RSS of the service with all of them, in MiB",
        512,
        lambda pair: pair.ours.rss_mib,
    ),
)

SCENARIOS_WITH_TARGETS = frozenset(target.scenario for target in _TARGETS)


def judge(comparisons: Sequence[Comparison], yardsticks: Sequence[Yardstick]) -> list[Verdict]:
    """Return a verdict on each target whose scenario was run."""
    pairs = dict(_pairs(comparisons, yardsticks))
    run = {comparison.scenario.name for comparison in comparisons}
    return [_verdict(target, pairs) for target in _TARGETS if target.scenario in run]


def _pairs(
    comparisons: Sequence[Comparison], yardsticks: Sequence[Yardstick]
) -> Iterator[tuple[str, _Pair]]:
    if not yardsticks:
        return
    hashing = statistics.median(yardstick.cpu_seconds_per_gib for yardstick in yardsticks)
    for comparison in comparisons:
        first, second = (comparison.figures(outcome) for outcome in comparison.outcomes[:2])
        if first and second:
            yield comparison.scenario.name, _Pair(first, second, hashing)


def _verdict(target: _Target, pairs: Mapping[str, _Pair]) -> Verdict:
    pair = pairs.get(target.scenario)
    return Verdict(
        scenario=target.scenario,
        what=target.what,
        bound=target.bound,
        at_least=target.at_least,
        value=target.measure(pair) if pair else None,
    )
