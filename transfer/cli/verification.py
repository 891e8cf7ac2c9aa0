"""`transfer verify`: what is stored, read again and compared with its SHA-256."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, OfCaseOrNone, case_number
from transfer.cli.output import print_json, print_object, print_table
from transfer.cli.session import operator, with_store
from transfer.cli.shapes import Json, rfc3339
from transfer.core.errors import DigestMismatchError, InvalidRequestError

if TYPE_CHECKING:
    from transfer.engine.rereads import RereadProgress, RereadReport
    from transfer.wiring.parts import Parts

_Tell = Callable[["RereadProgress"], None]


def verify(
    case: OfCaseOrNone = None,
    rate: Annotated[
        str | None, typer.Option(metavar="SIZE", help="At most so much a second, like 50MiB.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin again, instead of where it was left.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Read all that is stored and compare it with its SHA-256; fail if something differs.

    Ended in between, it goes on where it was when it is called again.
    """
    from transfer.engine.rereads import Rereads

    number, bytes_per_second = case_number(case), _parse_rate(rate)
    with _progress(shown=sys.stderr.isatty() and not as_json) as tell:

        async def work(parts: "Parts") -> "RereadReport":
            rereads = Rereads(parts.tools, bytes_per_second=bytes_per_second, tell=tell)
            return await rereads.run(operator(), number, anew=anew)

        # What can't be read is looked at twice: a store may need long to say so each time.
        report = with_store(data, work, attempts=1)
    _print(report, case, as_json=as_json)
    if report.problems:
        raise DigestMismatchError(
            f"{report.problems} of {report.files} files are not as they were received."
        )


def _print(report: "RereadReport", case: str | None, *, as_json: bool) -> None:
    sums: Json = {
        "case": case,
        "started_at": rfc3339(report.started_at),
        "resumed": report.resumed,
        "files": report.files,
        "size": report.size_bytes,
        "problems": report.problems,
    }
    damaged: list[Json] = [
        {
            "case": one.file.case_number,
            "file_id": one.file.id,
            "size": one.file.size,
            "problem": one.damage.value,
        }
        for one in report.damaged
    ]
    if as_json:
        print_json({**sums, "damaged": damaged})
        return
    print_object(sums, as_json=False)
    if damaged:
        print_table(damaged)


def _parse_rate(text: str | None) -> int | None:
    from pydantic import ByteSize, TypeAdapter, ValidationError

    from transfer.engine.rereads import LEAST_RATE

    if text is None:
        return None
    try:
        rate = int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError as exc:
        raise InvalidRequestError("A rate is a size like 50MiB, and meant a second.") from exc
    if rate < LEAST_RATE:
        raise InvalidRequestError(f"A rate is at least {LEAST_RATE // 1024}KiB.")
    return rate


@contextmanager
def _progress(*, shown: bool) -> Iterator[_Tell]:
    """Show on a terminal how far it is."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[files]} files"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", files="", total=None)

        def tell(progress: "RereadProgress") -> None:
            bar.update(
                task,
                completed=progress.size_bytes,
                total=progress.total_bytes,
                files=f"{progress.files} of {progress.total_files}",
            )

        yield tell
