"""The table that people read: a row a sentence, a column a server."""

from collections.abc import Mapping, Sequence

from tests.conformance.outcomes import Outcome, Result

_CELLS = {
    Outcome.FAIL: "**fail**",
    Outcome.PASS: "pass",
    Outcome.NOT_OFFERED: "-",
    Outcome.NOT_SEEN: "?",
}
"""In the order in which they are told where there are several."""

BEYOND = "Beyond the specifications"


def table(servers: Mapping[str, Sequence[Result]]) -> str:
    """Return all areas, each as a Markdown table."""
    areas = {result.area for results in servers.values() for result in results}
    return "\n\n".join(_area(area, servers) for area in sorted(areas, key=_rank))


def totals(servers: Mapping[str, Sequence[Result]]) -> str:
    """Return how many sentences came to what; one that fails in any form counts as failed.

    What is beyond the specifications isn't counted.
    """
    lines = [_row(["", *(outcome.value for outcome in _CELLS)]), _row(["---"] * (len(_CELLS) + 1))]
    for server, results in servers.items():
        counted = [result for result in results if not result.area.startswith(BEYOND)]
        worst = [_outcomes(of)[0] for of in _by_sentence(counted).values()]
        lines.append(_row([server, *(str(worst.count(outcome)) for outcome in _CELLS)]))
    return "\n".join(lines)


def failures(results: Sequence[Result]) -> str:
    """Return what failed, each with what was seen."""
    failed = [result for result in results if result.outcome is Outcome.FAIL]
    return "\n".join(
        f"- {result.area}: {result.sentence}{f' [{result.variant}]' if result.variant else ''}\n"
        f"  {result.why}"
        for result in failed
    )


def _area(area: str, servers: Mapping[str, Sequence[Result]]) -> str:
    columns = [
        _by_sentence([result for result in results if result.area == area])
        for results in servers.values()
    ]
    sentences = dict.fromkeys(key for column in columns for key in column)
    lines = [f"### {area}", "", _row(["", *servers]), _row(["---"] * (len(servers) + 1))]
    lines += [
        _row([key[1], *(_cell(column.get(key, [])) for column in columns)]) for key in sentences
    ]
    return "\n".join(lines)


def _rank(area: str) -> tuple[int, str]:
    """Return where an area stands: the protocols first."""
    beginnings = ("tus", "RUFH", "Interruptions", "Promises", BEYOND)
    return next(i for i, words in enumerate(beginnings) if area.startswith(words)), area


def _by_sentence(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    found: dict[tuple[str, str], list[Result]] = {}
    for result in sorted(results, key=lambda result: result.place):
        found.setdefault((result.area, result.sentence), []).append(result)
    return found


def _outcomes(results: Sequence[Result]) -> list[Outcome]:
    seen = {result.outcome for result in results}
    return [outcome for outcome in _CELLS if outcome in seen]


def _cell(results: Sequence[Result]) -> str:
    """Return what came of a sentence; if that depends on how it was asked, of each way."""
    outcomes = _outcomes(results)
    if len(outcomes) <= 1:
        return "".join(_CELLS[outcome] for outcome in outcomes)
    told = []
    for outcome in outcomes:
        if outcome is Outcome.NOT_OFFERED:
            continue  # whatever isn't named
        ways = [result.variant or "" for result in results if result.outcome is outcome]
        told.append(f"{_CELLS[outcome]}: {', '.join(ways)}")
    return "; ".join(told)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
