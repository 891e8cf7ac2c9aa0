"""Measure this service and its peers on this machine, in one run: python -m bench --help."""

import argparse
import fnmatch
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from bench.exercises import Scale
from bench.meter import describe_machine
from bench.processes import BenchError
from bench.report import Report
from bench.scenarios import SCENARIOS, SFTP_SCENARIOS, Scenario
from bench.servers import Server
from bench.service import TransferService
from bench.targets import SCENARIOS_WITH_TARGETS
from bench.turns import Contest, Patience
from bench.tus_server import TusNodeServer
from bench.workplace import GIB, KIB, MIB, WORK, Workplace
from bench.yardstick import measure_yardstick

_QUICK = Scale(size=64 * MIB, small_files=200, rounds=1)
_FULL = Scale(size=GIB, small_files=2000, rounds=3)
_SFTP = Scale(size=512 * MIB, small_files=3000, rounds=5)


def main() -> int:
    """Run, print the table on stdout, and keep all of it as JSON."""
    options = _parse()
    chosen = [s for s in SCENARIOS if any(fnmatch.fnmatch(s.name, o) for o in options.only)]
    if options.targets:
        chosen = [s for s in chosen if s.name in SCENARIOS_WITH_TARGETS]
    if options.sftp:
        chosen = [s for s in chosen if s.name in SFTP_SCENARIOS]
    if options.list:
        for scenario in SCENARIOS:
            names = ", ".join(kind.name for kind in scenario.contestants)
            print(f"{scenario.name:<16} {scenario.title:<28} {names}; on {scenario.store.name}")
        return 0
    if options.against_itself:
        chosen = [scenario.against_itself() for scenario in chosen]
    if not chosen:
        raise SystemExit(f"no scenario is named like {options.only}; see --list")
    # Both leave by the same door, or servers would be left running.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    base = _QUICK if options.quick else _SFTP if options.sftp else _FULL
    scale = Scale(
        size=options.size or base.size,
        small_files=options.files or base.small_files,
        rounds=options.rounds or base.rounds,
    )
    TransferService.workers = options.workers
    with Workplace(scale.size) as place:
        report = _run(options, chosen, scale, place)
    kept = json.dumps(report.as_json(), indent=1)
    (WORK / "last.json").write_text(kept)
    if str(options.json) == "-":
        print(kept)
    else:
        print(report.as_table())
        if options.json:
            options.json.write_text(kept)
    return 130 if report.interrupted else int(report.failed())


def _run(
    options: argparse.Namespace, chosen: list[Scenario], scale: Scale, place: Workplace
) -> Report:
    without = dict.fromkeys(options.without, "left out by --without")
    kinds = {kind.name: kind for scenario in chosen for kind in scenario.contestants}
    patience = Patience(options.max_other / 100, options.repeats)
    report = Report(
        scale=scale,
        machine=describe_machine(),
        scratch="in memory" if place.scratch_is_memory else "on the disk",
        versions={},
        most_other_share=patience.most_other_share,
    )
    try:
        if TusNodeServer.name in kinds and TusNodeServer.missing() and not options.no_install:
            _install(without)
        report.versions |= {name: _version(kind, without) for name, kind in kinds.items()}
        _say(f"making and hashing {scale.size // MIB} MiB to send")
        _ = place.source
        report.yardsticks.append(measure_yardstick(scale.size))
        for number, scenario in enumerate(chosen, 1):
            _say(f"[{number}/{len(chosen)}] {scenario.name}: {scenario.title}")
            contest = Contest(scenario, place, scale, patience, without)
            report.comparisons.append(contest.comparison)
            contest.run()
        report.yardsticks.append(measure_yardstick(scale.size))
    except KeyboardInterrupt:
        report.interrupted = True
        if report.comparisons:
            for outcome in report.comparisons[-1].outcomes:
                outcome.problem = outcome.problem or "interrupted"
    return report


def _install(without: dict[str, str]) -> None:
    _say("installing the npm packages of the tus peer below bench/.work")
    try:
        TusNodeServer.install()
    except BenchError as exc:
        without.setdefault(TusNodeServer.name, str(exc))


def _version(kind: type[Server], without: dict[str, str]) -> str:
    reason = without.get(kind.name) or kind.missing()
    if reason:
        return f"missing: {reason}"
    try:
        return kind.version()
    except BenchError as exc:
        return f"of unknown version: {exc}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="64 MiB, 200 small files, one round: shows it works")
    add("--size", type=_size, help="of the big file, like 512M or 1G (default 1G)")
    add("--files", type=int, help="number of small files (default 2000)")
    add("--rounds", type=int, help="counted turns of each contestant (default 3)")
    add("--only", action="append", default=[], metavar="GLOB", help="scenarios, e.g. 'sftp-*'")
    add("--sftp", action="store_true", help="only SFTP's targets: 512 MiB, 3000 files, 5 rounds")
    add("--targets", action="store_true", help="only the scenarios that a target is set for")
    add("--without", action="append", default=[], metavar="NAME", help="leave a contestant out")
    add(
        "--against-itself",
        action="store_true",
        help="put a peer in our place as well: ratios other than 1 are this machine's noise",
    )
    add("--workers", type=int, default=0, help="processes of our service (default: its own)")
    add(
        "--max-other",
        type=float,
        default=10.0,
        metavar="PERCENT",
        help="repeat a turn in which others took more of the machine (default 10)",
    )
    add("--repeats", type=int, default=1, help="of a disturbed turn, at most (default 1)")
    add("--no-install", action="store_true", help="don't install the npm packages")
    add("--json", type=Path, metavar="FILE", help="write JSON there; - prints it, not the table")
    add("--list", action="store_true", help="list the scenarios")
    options = parser.parse_args()
    options.only = options.only or ["*"]
    return options


def _size(text: str) -> int:
    units = {"K": KIB, "M": MIB, "G": GIB}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1:].upper() in units else (text, 1)
    size = int(number) * unit
    if size < MIB or size % MIB:
        raise argparse.ArgumentTypeError("must be whole MiB")
    return size


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Stopping is bounded; a second Ctrl-C in the middle of it would leave servers behind.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
