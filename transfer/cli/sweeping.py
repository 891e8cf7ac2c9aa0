"""`transfer sweep`: what doesn't match between rows and store."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data
from transfer.cli.output import print_object, print_rows
from transfer.cli.session import with_parts, with_store
from transfer.cli.shapes import Json, rfc3339
from transfer.core.errors import UnavailableError

if TYPE_CHECKING:
    from transfer.ports.upkeep import Finding
    from transfer.wiring.parts import Parts

app = typer.Typer(
    help="Compare the store with the records, and show what doesn't match.", no_args_is_help=True
)

_COLUMNS = ("kind", "key", "size", "case", "file_id", "problem", "first_seen_at", "last_seen_at")


@app.command()
def run(
    even_many: Annotated[
        bool,
        typer.Option(
            "--even-many",
            help="Delete strays of unknown cases, too, and where most of the store is strays.",
        ),
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Walk through store and records now; strays that were seen a day ago go."""

    async def work(parts: "Parts") -> Json:
        began = parts.clock.now()
        sums: Json = {}
        more = True
        while more:
            report = await parts.sweeper.run_once(due_before=began, even_many=even_many)
            more = report.more and not report.failures
            sums = _added(sums, report.to_json())
        return {**sums, "busy": sorted(set(sums["busy"]) - set(sums["ended"]))}

    report = with_store(data, work)
    del report["even_many"]
    print_object(report, as_json=as_json)
    if report["failures"]:
        raise UnavailableError("Not all of it could be done: the service tries again, so can you.")
    if report["withheld"]:
        raise UnavailableError(
            "Most of the store is in no record, so nothing was deleted: are these the records of "
            "this store? If so, --even-many deletes them."
        )


@app.command("list")
def list_findings(data: Data = None, as_json: AsJson = False) -> None:
    """List what doesn't match, as it was seen last."""

    async def work(parts: "Parts") -> list[Json]:
        from transfer.ports.upkeep import FindingKind

        shown: list[Json] = []
        after = 0
        while page := await parts.records.upkeep.findings(set(FindingKind), after=after):
            shown += [_finding_json(one) for one in page]
            after = page[-1].id
        return shown

    print_rows("findings", with_parts(data, work), _COLUMNS, as_json=as_json)


def _finding_json(finding: "Finding") -> Json:
    return {
        "kind": finding.kind.value,
        "key": finding.key,
        "version": finding.item_id or None,
        "size": finding.size,
        "case": finding.case_number,
        "file_id": finding.file_id,
        "problem": finding.problem,
        "first_seen_at": rfc3339(finding.first_seen_at),
        "last_seen_at": rfc3339(finding.last_seen_at),
    }


def _added(sums: Json, report: Json) -> Json:
    """Return the sums of two reports; what is true or false is as the later one says."""
    both = {**sums, **report}
    for name in sums.keys() & report.keys():
        if isinstance(sums[name], dict):
            both[name] = _added(sums[name], report[name])
        elif not isinstance(sums[name], bool):
            both[name] = sums[name] + report[name]
    return both
