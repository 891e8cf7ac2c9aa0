"""Printing results: tables and lines for people, one JSON object for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

import typer

from transfer.cli.shapes import Json

WIDE = 10_000
"""Columns where the output is no terminal: nothing is wrapped or cut."""


def print_json(value: Json) -> None:
    """Print one JSON object, on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_object(value: Json, *, as_json: bool) -> None:
    """Print an object: for people, a line for each of its values."""
    if as_json:
        print_json(value)
        return
    width = max(map(len, value))
    for name, content in value.items():
        typer.echo(f"{name.replace('_', ' '):<{width}}  {shown(content)}")


def print_rows(name: str, rows: Sequence[Json], columns: Iterable[str], *, as_json: bool) -> None:
    """Print objects of one kind: for people, `columns` of them as a table."""
    if as_json:
        print_json({name: list(rows)})
        return
    if not rows:
        typer.echo(f"There are no {name}.", err=True)
        return
    print_table([{column: row[column] for column in columns} for row in rows])


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows of the same keys as a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if is_terminal else None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row.values()))
    Console(highlight=False, width=None if is_terminal else WIDE).print(table)


def shown(value: object) -> str:
    """Return a value as people read it, on one line; what would disturb a terminal is named."""
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(each)}" for name, each in value.items()) or "-"
    text = str(value)
    return "".join(c if c.isprintable() else f"⟨U+{ord(c):04X}⟩" for c in text)
