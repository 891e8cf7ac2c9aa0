"""The table that people read, and the JSON that keeps every turn."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from textwrap import shorten

from bench.exercises import Scale
from bench.results import Comparison, Figures, Outcome, compare
from bench.targets import judge
from bench.workplace import MIB
from bench.yardstick import Yardstick

_HEAD = ("scenario", "peer", "speed", "CPU of the server", "peak RSS", "others")
_NONE = "-"


@dataclass
class Report:
    """All that one run found out."""

    scale: Scale
    machine: dict[str, str | int]
    scratch: str
    versions: dict[str, str]
    most_other_share: float
    comparisons: list[Comparison] = field(default_factory=list)
    yardsticks: list[Yardstick] = field(default_factory=list)
    interrupted: bool = False

    def failed(self) -> bool:
        """Return whether ours is missing or failed anywhere, or a peer failed (not: is missing)."""
        ours = any(comparison.outcomes[0].problem for comparison in self.comparisons)
        return ours or any(
            outcome.problem.startswith("failed")
            for comparison in self.comparisons
            for outcome in comparison.outcomes
        )

    def as_json(self) -> dict[str, object]:
        """Return everything, every turn included."""
        return {
            "scale": asdict(self.scale),
            "machine": self.machine,
            "scratch": self.scratch,
            "versions": self.versions,
            "yardsticks": [asdict(yardstick) for yardstick in self.yardsticks],
            "interrupted": self.interrupted,
            "targets": [
                {**asdict(verdict), "met": verdict.met}
                for verdict in judge(self.comparisons, self.yardsticks)
            ],
            "scenarios": [_as_json(comparison) for comparison in self.comparisons],
        }

    def as_table(self) -> str:
        """Return ratios with the absolute figures beside them."""
        rows: list[tuple[str, ...]] = [_HEAD]
        for comparison in self.comparisons:
            ours, *peers = comparison.outcomes
            for index, peer in enumerate(peers):
                name = comparison.scenario.name if index == 0 else ""
                rows.append((name, *self._row(comparison, ours, peer)))
        verdicts = judge(self.comparisons, self.yardsticks)
        targets = ["", "Targets:", *(verdict.as_line() for verdict in verdicts)] if verdicts else []
        return "\n".join([*self._preface(), "", *_aligned(rows), *targets, "", *self._notes()])

    def _preface(self) -> list[str]:
        scale, machine = self.scale, self.machine
        lines = [
            f"{scale.size // MIB} MiB a file; {scale.small_files} small files of"
            f" {scale.small_size >> 10} KiB, {scale.at_once} at once; {scale.rounds} round(s) in"
            " turns, after a turn to warm up",
            f"on {machine['cores']} cores of {machine['cpu']}, {machine['memory_mib']} MiB,"
            f" {machine['kernel']}; scratch {self.scratch}",
        ]
        lines += [f"{name}: {version}" for name, version in self.versions.items()]
        lines += [
            f"yardstick: SHA-256 on one core {yardstick.mb_per_second:.0f} MB/s,"
            f" {yardstick.cpu_seconds_per_gib:.2f} CPU-s/GiB (others {yardstick.other_share:.0%})"
            for yardstick in self.yardsticks
        ]
        lines += [
            "",
            "Nx is ours ÷ peer: speed is better above 1, CPU and memory below 1."
            " In brackets: ours / peer.",
        ]
        return lines

    def _row(self, comparison: Comparison, ours: Outcome, peer: Outcome) -> tuple[str, ...]:
        unit = comparison.scenario.unit
        mine, theirs = comparison.figures(ours), comparison.figures(peer)
        if theirs is None:
            # Ours is still shown: by the row of another peer, or here where there is none.
            alone = f"ours {mine.rate:.0f} {unit.rate}" if mine else _NONE
            return (peer.contestant, alone, shorten(peer.problem or "not reached", 60), "", "")
        ratios = compare(comparison, ours, peer)
        speed = f"({_number(mine, 'rate')} / {theirs.rate:.0f} {unit.rate})"
        cost = f"({_number(mine, 'cost', 2)} / {theirs.cost:.2f} {unit.cost})"
        rss = f"({_number(mine, 'rss_mib')} / {theirs.rss_mib:.0f} MiB)"
        other = max(theirs.other_share, mine.other_share if mine else 0.0)
        mark = " !" if other > self.most_other_share else ""
        if ratios is None:
            return (
                peer.contestant,
                f"{_NONE} {speed}",
                f"{_NONE} {cost}",
                f"{_NONE} {rss}",
                f"{other:.0%}{mark}",
            )
        spread = ""
        if self.scale.rounds > 1:
            spread = f" [{ratios.rate_low:.2f}-{ratios.rate_high:.2f}]"
        return (
            peer.contestant,
            f"{ratios.rate:.2f}x{spread} {speed}",
            f"{ratios.cost:.2f}x {cost}",
            f"{ratios.rss:.2f}x {rss}",
            f"{other:.0%}{mark}",
        )

    def _notes(self) -> list[str]:
        notes = _grouped(
            (f"{outcome.contestant} {outcome.problem}", comparison.scenario.name)
            for comparison in self.comparisons
            for outcome in comparison.outcomes
            if outcome.problem
        )
        notes += _grouped(
            (f"{outcome.contestant} and the client agreed on {outcome.cipher}", "")
            for comparison in self.comparisons
            for outcome in comparison.outcomes
            if outcome.cipher
        )
        for comparison in self.comparisons:
            for outcome in comparison.outcomes:
                figures = comparison.figures(outcome)
                if figures and figures.extra:
                    shown = ", ".join(f"{key} {value:.1f}" for key, value in figures.extra.items())
                    notes.append(f"{comparison.scenario.name}: {outcome.contestant} {shown}")
        if self._is_disturbed():
            notes.append(
                f"! others took more than {self.most_other_share:.0%} of the machine: don't trust"
                " that row, run again"
            )
        if self.interrupted:
            notes.append("interrupted: what came after was not run")
        return notes

    def _is_disturbed(self) -> bool:
        return any(
            figures.other_share > self.most_other_share
            for comparison in self.comparisons
            for outcome in comparison.outcomes
            if (figures := comparison.figures(outcome))
        )


def _grouped(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Return each note once, with the names of all scenarios it is about."""
    groups: dict[str, list[str]] = {}
    for note, scenario in notes:
        groups.setdefault(note, []).append(scenario)
    return [
        f"{note} ({', '.join(names)})" if any(names) else note for note, names in groups.items()
    ]


def _as_json(comparison: Comparison) -> dict[str, object]:
    ours = comparison.outcomes[0]
    outcomes = []
    for outcome in comparison.outcomes:
        figures = comparison.figures(outcome)
        ratios = None if outcome is ours else compare(comparison, ours, outcome)
        outcomes.append(
            {
                **asdict(outcome),
                "figures": asdict(figures) if figures else None,
                "ours_divided_by_this": asdict(ratios) if ratios else None,
            }
        )
    unit = comparison.scenario.unit
    return {
        "name": comparison.scenario.name,
        "title": comparison.scenario.title,
        "store": comparison.scenario.store.name,
        "rate_unit": unit.rate,
        "cost_unit": f"CPU-{unit.cost}",
        "outcomes": outcomes,
    }


def _number(figures: Figures | None, name: str, digits: int = 0) -> str:
    return f"{getattr(figures, name):.{digits}f}" if figures else _NONE


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    # A row without figures says why, at length, in its fourth column: others aren't padded to it.
    widths = [
        max(len(row[column]) for row in rows if row[-1] or column < 3)
        for column in range(len(_HEAD))
    ]
    return [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
