"""The table of docs/sftp-clients.md: what a run has shown, and what an earlier one had."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.clients.client import Client
from tests.clients.works import CELLS, DONE_AS, Standing, Work

BEGIN, END = "<!-- made by `make clients` -->", "<!-- end of what was made -->"
_UNSEEN = "?"


@dataclass(kw_only=True)
class Row:
    """A client: the version that ran last, and how each of its works stood."""

    version: str
    cells: dict[Work, Standing] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A test that passed, or failed as it was expected to."""

    client: str
    version: str
    work: Work
    standing: Standing


def updated(
    rows: Mapping[str, Row], seen: Iterable[Seen], clients: Sequence[type[Client]]
) -> dict[str, Row]:
    """Return the rows with what was seen in them; what no test ran for stays as it was.

    What a client can't do is no test's to show: it is as the client says.
    """
    found = list(seen)
    result = {}
    for client in clients:
        ran = [each for each in found if each.client == client.name]
        before = rows.get(client.name, Row(version=_UNSEEN))
        row = Row(version=ran[-1].version if ran else before.version)
        for work in Work:
            standings = [each.standing for each in ran if each.work is work]
            if client.standing(work) is Standing.CANNOT:
                row.cells[work] = Standing.CANNOT
            elif standings:
                row.cells[work] = min(standings)
            elif work in before.cells:
                row.cells[work] = before.cells[work]
        result[client.name] = row
    return result


def made(rows: Mapping[str, Row], clients: Sequence[type[Client]]) -> str:
    """Return both tables: how each work stands, and by which words it was done."""
    return f"{_standings(rows)}\n\n### The words\n\n{_ways(clients)}"


def parsed(document: str) -> dict[str, Row]:
    """Return the rows of a document's first table."""
    table = document.partition(BEGIN)[2].partition("###")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    if not lines:
        return {}
    works = [Work(title) for title in _cells(lines[0])[2:]]
    standings = {text: standing for standing, text in CELLS.items()}
    rows = {}
    for name, version, *cells in map(_cells, lines[2:]):
        told = zip(works, cells, strict=True)
        known = {work: standings[cell] for work, cell in told if cell in standings}
        rows[name] = Row(version=version, cells=known)
    return rows


def with_table(document: str, table: str) -> str:
    """Return the document with `table` in its place."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}"


def _standings(rows: Mapping[str, Row]) -> str:
    lines = [_row(["Client", "Version", *Work]), _row(["---"] * (len(Work) + 2))]
    for name, row in rows.items():
        cells = [CELLS[row.cells[work]] if work in row.cells else _UNSEEN for work in Work]
        lines.append(_row([name, row.version, *cells]))
    return "\n".join(lines)


def _ways(clients: Sequence[type[Client]]) -> str:
    works = [work for work in Work if work not in DONE_AS]
    lines = [_row(["Client", *works]), _row(["---"] * (len(works) + 1))]
    for client in clients:
        words = [client.way(work) for work in works]
        lines.append(_row([client.name, *(f"`{each}`" if each else "" for each in words)]))
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
