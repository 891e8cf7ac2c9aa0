"""`transfer retention`: what is due for deletion, and its deletion."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, moment
from transfer.cli.output import print_json, print_object, print_table
from transfer.cli.session import check_tables, prepared, with_parts
from transfer.cli.shapes import Json
from transfer.core.errors import UnavailableError

if TYPE_CHECKING:
    from transfer.settings import Settings
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Show what is due for deletion, or delete it.", no_args_is_help=True)

_MOST_ROUNDS = 1000
_COLUMNS = ("number", "verdict", "closed_at", "deletion_due_at", "files", "size", "hold")


@app.command()
def plan(
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="A date or RFC 3339.", show_default="now")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show what would be deleted at a time, if nothing changes until then. Nothing is changed."""
    wanted = moment(at)

    async def work(parts: "Parts") -> Json:
        from transfer.retention.plan import plan_deletions

        planned = await plan_deletions(
            records=parts.records,
            core=parts.desk,
            at=wanted or parts.clock.now(),
            period=parts.settings.retention_period,
        )
        return planned.to_json()

    planned = with_parts(data, work)
    if as_json:
        print_json(planned)
        return
    if planned["cases"]:
        print_table([{name: row[name] for name in _COLUMNS} for row in planned["cases"]])
    deletes = planned["deletes"]
    typer.echo(
        f"At {planned['at']}: {deletes['cases']} cases to delete, with {deletes['files']} files "
        f"of {deletes['size']} bytes."
    )


@app.command()
def run(data: Data = None, as_json: AsJson = False) -> None:
    """Delete what is due now, as the service does by itself."""
    settings = prepared(data)
    check_tables(settings)
    report = asyncio.run(_work_off(settings))
    print_object(report, as_json=as_json)
    if report["failures"]:
        raise UnavailableError("Not all of it could be done: the service tries again, so can you.")


async def _work_off(settings: "Settings") -> Json:
    """Have rounds until nothing is left, on the folder's store: the one that runs, or our own."""
    from transfer.clock import SystemClock
    from transfer.storage.s3 import S3ObjectStore
    from transfer.wiring.objects import join_objects
    from transfer.wiring.parts import open_parts

    clock = SystemClock()
    async with (
        join_objects(settings, clock) as objects,
        S3ObjectStore(objects.access) as store,
        open_parts(settings, store=store, clock=clock) as parts,
    ):
        await store.ensure_bucket()
        sums = (await parts.worker.run_once()).to_json()
        for _ in range(_MOST_ROUNDS):
            if not sums["more"] or sums["failures"]:
                break
            sums = _added(sums, (await parts.worker.run_once()).to_json())
        return sums


def _added(sums: Json, report: Json) -> Json:
    """Return the sums of two reports; what isn't a sum is as the later one says."""
    both = {**sums, **report}
    for name in sums.keys() & report.keys():
        if isinstance(sums[name], dict):
            both[name] = _added(sums[name], report[name])
        elif not isinstance(sums[name], bool):
            both[name] = sums[name] + report[name]
    return both
