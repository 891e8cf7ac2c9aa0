"""What the figures have to be, as ratios within one run, and whether they are."""

import statistics
from collections.abc import Callable, Sequence
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
    peer: str = ""
    """Against whom; the first of them unless it is named."""


def _speed(pair: _Pair) -> float:
    return pair.ours.rate / pair.other.rate


def _cost(pair: _Pair) -> float:
    return pair.ours.cost / pair.other.cost


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
    _Target(
        "sink-sftp-up",
        "speed of OpenSSH's put, as a multiple of sshd's onto memory",
        1.3,
        _speed,
        at_least=True,
        peer="OpenSSH",
    ),
    _Target(
        "sink-sftp-up",
        "its CPU, as a multiple of sshd's",
        0.75,
        _cost,
        peer="OpenSSH",
    ),
    _Target(
        "sink-sftp-down",
        "speed of OpenSSH's get, as a multiple of sshd's from memory",
        1.2,
        _speed,
        at_least=True,
        peer="OpenSSH",
    ),
    _Target(
        "sink-rclone-up",
        "speed of an upload by rclone, as a multiple of sshd's onto memory",
        1.2,
        _speed,
        at_least=True,
        peer="OpenSSH",
    ),
    _Target(
        "sink-rclone-up",
        "CPU of rclone serve sftp, as a multiple of ours",
        2.5,
        lambda pair: pair.other.cost / pair.ours.cost,
        at_least=True,
        peer="rclone",
    ),
    _Target(
        "sink-psftp-up",
        "speed of an upload by PSFTP, as a multiple of sshd's onto memory",
        0.8,
        _speed,
        at_least=True,
        peer="OpenSSH",
    ),
    _Target(
        "sink-paramiko-down",
        "speed of a download by paramiko, as a multiple of sshd's from memory",
        0.8,
        _speed,
        at_least=True,
        peer="OpenSSH",
    ),
    _Target(
        "sftp-up",
        "speed of OpenSSH's put to SeaweedFS, as a multiple of rclone serve sftp's",
        1.1,
        _speed,
        at_least=True,
        peer="rclone",
    ),
    _Target(
        "sftp-up",
        "its CPU, as a multiple of rclone serve sftp's",
        0.4,
        _cost,
        peer="rclone",
    ),
    _Target(
        "sftp-tree",
        "small files a second by rclone copy, as a multiple of rclone serve sftp's",
        1,
        _speed,
        at_least=True,
        peer="rclone",
    ),
    _Target(
        "sftp-connect",
        "CPU of a connection with a password, in ms",
        15,
        lambda pair: pair.ours.cost,  # seconds for a thousand of them
    ),
    _Target(
        "sftp-at-once",
        "speed of 2 clients on 2 workers, as a multiple of one on one; on 2 cores they lack CPU",
        1.6,
        _speed,
        at_least=True,
    ),
)

SCENARIOS_WITH_TARGETS = frozenset(target.scenario for target in _TARGETS)


def judge(comparisons: Sequence[Comparison], yardsticks: Sequence[Yardstick]) -> list[Verdict]:
    """Return a verdict on each target whose scenario was run."""
    if not yardsticks:
        return []
    hashing = statistics.median(yardstick.cpu_seconds_per_gib for yardstick in yardsticks)
    run = {comparison.scenario.name: comparison for comparison in comparisons}
    return [
        _verdict(target, _pair(target, run[target.scenario], hashing))
        for target in _TARGETS
        if target.scenario in run
    ]


def _pair(target: _Target, comparison: Comparison, hashing: float) -> _Pair | None:
    ours, *others = comparison.outcomes
    named = [other for other in others if target.peer in ("", other.contestant)]
    first, second = comparison.figures(ours), comparison.figures(named[0]) if named else None
    return _Pair(first, second, hashing) if first and second else None


def _verdict(target: _Target, pair: _Pair | None) -> Verdict:
    return Verdict(
        scenario=target.scenario,
        what=target.what,
        bound=target.bound,
        at_least=target.at_least,
        value=target.measure(pair) if pair else None,
    )
