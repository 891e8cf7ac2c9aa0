"""Running a scenario: everybody started, turns in order, everybody stopped."""

import contextlib
import sys
import time
from dataclasses import dataclass

from bench.exercises import Exercise, Scale, Step
from bench.meter import CostMeter, Guard
from bench.processes import BenchError, bounded, output_of
from bench.results import Comparison, Outcome, Turn
from bench.scenarios import Scenario
from bench.servers import Server
from bench.stores import Store
from bench.workplace import Workplace

_START_SECONDS = 240.0
_FLUSH_SECONDS = 120.0


@dataclass(frozen=True)
class Patience:
    """When a turn is called disturbed by others, and how often it is repeated then."""

    most_other_share: float
    repeats: int


@dataclass
class _Contestant:
    exercise: Exercise
    outcome: Outcome


class Contest:
    """One scenario on one machine, now."""

    def __init__(
        self,
        scenario: Scenario,
        place: Workplace,
        scale: Scale,
        patience: Patience,
        without: dict[str, str],
    ) -> None:
        self._scenario = scenario
        self._place = place
        self._scale = scale
        self._patience = patience
        self._without = without
        self._stack = contextlib.ExitStack()
        self.comparison = Comparison(
            scenario, [Outcome(kind.name) for kind in scenario.contestants]
        )

    def run(self) -> None:
        """Measure; what goes wrong with a contestant is its outcome, not an exception."""
        turns = self._scale.rounds * (1 + self._patience.repeats) + 1
        if lack := self._place.lacks_room(self._scenario.room(self._scale, turns)):
            self._give_up(lack)
            return
        with self._stack:
            store = self._started_store()
            if store is None:
                return
            contestants = self._started_contestants(store)
            for round_ in range(self._scale.rounds + 1):  # round 0 warms up and isn't counted
                for contestant in contestants:
                    if not contestant.outcome.problem:
                        self._turn(contestant, store, round_)

    def _started_store(self) -> Store | None:
        kind = self._scenario.store
        problem = kind.missing()
        if not problem:
            store = kind(self._place)
            self._stack.callback(store.stop)
            try:
                with bounded(_START_SECONDS, f"starting {kind.name}"):
                    store.start()
            except BenchError as exc:
                problem = str(exc)
            else:
                return store
        self._give_up(f"no store: {problem}")
        return None

    def _give_up(self, problem: str) -> None:
        _say(f"  {problem}")
        for outcome in self.comparison.outcomes:
            outcome.problem = f"failed: {problem}"

    def _started_contestants(self, store: Store) -> list[_Contestant]:
        contestants = []
        for kind, outcome in zip(self._scenario.contestants, self.comparison.outcomes, strict=True):
            outcome.problem = self._obstacle(kind)
            if outcome.problem:
                continue
            server = kind(self._place, store, tls=self._scenario.tls)
            self._stack.callback(server.stop)
            exercise = self._scenario.exercise(server, self._place, self._scale)
            contestant = _Contestant(exercise, outcome)
            try:
                with bounded(_START_SECONDS, f"starting {kind.name}"):
                    server.start()
                with bounded(self._scale.step_seconds, f"preparing {kind.name}"):
                    exercise.prepare()
            except BenchError as exc:
                outcome.problem = f"failed: {exc}"
                _say(f"  {kind.name}: {outcome.problem}")
                continue
            outcome.cipher = exercise.cipher
            contestants.append(contestant)
        return contestants

    def _obstacle(self, kind: type[Server]) -> str:
        reason = self._without.get(kind.name) or kind.missing()
        reason = reason or self._scenario.exercise.missing()
        return f"missing: {reason}" if reason else ""

    def _turn(self, contestant: _Contestant, store: Store, round_: int) -> None:
        outcome = contestant.outcome
        best: Turn | None = None
        try:
            for attempt in range(1 + (self._patience.repeats if round_ else 0)):
                turn = self._measure(contestant.exercise, store, round_, attempt)
                _say(f"  round {round_} {outcome.contestant:<17} {self._line(turn)}")
                if best is None or turn.other_share < best.other_share:
                    best = turn
                if best.other_share <= self._patience.most_other_share:
                    break
        except (BenchError, OSError) as exc:
            outcome.problem = f"failed: {exc}"
            _say(f"  round {round_} {outcome.contestant:<17} {outcome.problem}")
            return
        if round_ and best:
            outcome.turns.append(best)

    def _measure(self, exercise: Exercise, store: Store, round_: int, attempt: int) -> Turn:
        server = exercise.server
        bound = self._scale.step_seconds
        exercise.step = Step(
            f"{self._scenario.name}-{round_}-{attempt}",
            warm=round_ == 0,
            last=round_ == self._scale.rounds,
        )
        with bounded(bound, f"getting {server.name} ready"):
            exercise.ready()
        _flush()
        with (
            CostMeter(store.family) as store_cost,
            CostMeter(server.family) as cost,
            Guard() as guard,
            bounded(bound, f"a turn of {server.name}"),
        ):
            begun = time.perf_counter()
            done = exercise.run()
            seconds = time.perf_counter() - begun
        with bounded(bound, f"a check of {server.name}"):
            exercise.check()
        return Turn(
            round=round_,
            seconds=seconds,
            amount=done.amount,
            cpu_seconds=cost.cpu_seconds,
            store_cpu_seconds=store_cost.cpu_seconds,
            peak_rss_bytes=cost.peak_rss_bytes,
            other_share=guard.other_share,
            extra=done.extra,
        )

    def _line(self, turn: Turn) -> str:
        unit = self._scenario.unit
        return (
            f"{turn.amount / unit.rate_size / turn.seconds:8.1f} {unit.rate}"
            f"  CPU {turn.cpu_seconds / turn.amount * unit.cost_size:6.2f} {unit.cost}"
            f"  RSS {turn.peak_rss_bytes >> 20:5} MiB"
            f"  others {turn.other_share:4.0%}"
        )


def _flush() -> None:
    """Have written what the turn before left to be written, so that this one doesn't pay for it."""
    try:
        output_of(["sync"], seconds=_FLUSH_SECONDS)
    except BenchError as exc:
        _say(f"  the disk is still busy with earlier writes: {exc}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
