"""`transfer retention`: what is due for deletion, and its deletion."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli import account_terms
from transfer.cli.options import AsJson, Data, Number, moment
from transfer.cli.output import print_json, print_object, print_rows, print_table
from transfer.cli.session import check_tables, operator, prepared, with_parts
from transfer.cli.shapes import Json, stuck_json
from transfer.core.cases import parse_case_number
from transfer.core.deletion_receipts import covers
from transfer.core.errors import InvalidRequestError, ReceiptMissingError, UnavailableError

if TYPE_CHECKING:
    from transfer.settings import Settings
    from transfer.wiring.parts import Parts

app = typer.Typer(
    help="Show what is due for deletion, delete it, prove it; set what holds for accounts.",
    no_args_is_help=True,
)
app.add_typer(account_terms.app, name="account")

_MOST_ROUNDS = 1000
_COLUMNS = ("number", "verdict", "closed_at", "deletion_due_at", "files", "size", "hold")
_STUCK_COLUMNS = ("case", "since", "left", "problem")
_PAGE = 1000


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


@app.command()
def stuck(data: Data = None, as_json: AsJson = False) -> None:
    """List the deletions that can't go on, as the store keeps something by a lock of its own."""

    async def work(parts: "Parts") -> list[Json]:
        shown: list[Json] = []
        following: str | None = None
        while True:
            page, following = await parts.oversight.stuck(operator(), after=following, limit=_PAGE)
            shown += [stuck_json(one) for one in page]
            if following is None:
                return shown

    print_rows("deletions", with_parts(data, work), _STUCK_COLUMNS, as_json=as_json)


@app.command()
def receipt(
    number: Number,
    verify: Annotated[
        bool, typer.Option("--verify", help="Fail unless it is signed by a key of this service.")
    ] = False,
    object_key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="Fail unless it covers the object of that key, too."
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show what proves that the data of a case was deleted: the latest, where there are more."""
    wanted = parse_case_number(number)

    async def work(parts: "Parts") -> Json:
        from transfer.engine.deletion_receipts import check

        found = await parts.deletion_receipts.of_case(operator(), wanted)
        if not found:
            raise ReceiptMissingError("The data of this case isn't deleted: there is no receipt.")
        latest = found[0]
        said: Json = json.loads(latest.statement)
        if verify:
            said = check(latest, await parts.receipts.keys())
        if object_key is not None and not covers(latest.keys, object_key):
            raise InvalidRequestError("No object of that key was deleted with this case's data.")
        return {**said, "jws": latest.jws}

    print_object(with_parts(data, work), as_json=as_json)


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
