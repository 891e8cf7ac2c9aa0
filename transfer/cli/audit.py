"""`transfer audit`: the audit log, exported, and compared with its seals."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from transfer.cli.options import AsJson, Data, OfCaseOrNone, case_number
from transfer.cli.output import print_json, print_object
from transfer.cli.session import with_parts
from transfer.core.errors import InvalidRequestError

if TYPE_CHECKING:
    from transfer.core.audit_chain import Seal
    from transfer.engine.audit_signatures import SealKeys
    from transfer.engine.audit_verification import AuditReport
    from transfer.wiring.parts import Parts

app = typer.Typer(
    help="Export the audit log, or verify that it is what was sealed.", no_args_is_help=True
)

_PRIVATE = 0o600
_MOST_FAULTS = 100

Keys = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Public keys to believe besides this node's, as `audit keys` prints."
    ),
]


@app.command()
def export(
    case: OfCaseOrNone = None,
    after: Annotated[
        int, typer.Option(min=0, metavar="SEAL", help="Begin behind the seal of this number.")
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write there.", show_default="standard output"),
    ] = None,
    data: Data = None,
) -> None:
    """Write the audit log as lines of JSON, entries and the seals over them.

    What has no seal yet is sealed first.
    """
    number = case_number(case)

    async def work(parts: "Parts") -> None:
        from transfer.engine.audit_export import AuditExport

        await parts.audit_sealer.seal_all()
        exported = AuditExport(parts.records.audit_chain, case_number=number, after=after)
        with _writing(output) as file:
            async for line in exported.lines(parts.clock.now()):
                file.write(line + "\n")

    with_parts(data, work)


@app.command()
def verify(
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An export.", show_default="the log in the database"),
    ] = None,
    head: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A seal that was kept: `audit head` prints the last."),
    ] = None,
    keys: Keys = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compare the audit log with its seals; fail if anything was changed, left out or added."""
    given = [] if head is None else [_read_head(head)]
    others = [] if keys is None else _read_keys(keys)

    async def work(parts: "Parts") -> "AuditReport":
        from transfer.engine.audit_export import verify_export
        from transfer.engine.audit_signatures import SealKeys
        from transfer.engine.audit_verification import AuditVerification
        from transfer.wiring.audit import heads_kept

        known = SealKeys([parts.audit_sealer.public_key(), *others])
        if file is not None:
            with file.open(encoding="utf-8") as lines:
                return verify_export(lines, known, _opened(known, given))
        own = [_read_head(path) for path in heads_kept(parts.settings)]
        heads = _opened(known, [*own, *given])
        return await AuditVerification(parts.records.audit_chain, known).run(heads)

    report = with_parts(data, work)
    if as_json:
        print_json(report.to_json())
    else:
        _tell(report)
    if not report.is_sound:
        raise typer.Exit(1)


@app.command()
def head(data: Data = None, as_json: AsJson = False) -> None:
    """Print the last seal, to be kept where nobody who can change the database gets at it."""

    async def work(parts: "Parts") -> dict[str, Any]:
        await parts.audit_sealer.seal_all()
        last = await parts.records.audit_chain.head()
        if last is None:
            raise InvalidRequestError("The audit log is empty: there is no seal.")
        return {"number": last.number, "jws": last.jws}

    print_object(with_parts(data, work), as_json=as_json)


@app.command("keys")
def print_keys(data: Data = None) -> None:
    """Print the public key of this node's seals, as a JSON Web Key Set."""

    async def work(parts: "Parts") -> dict[str, Any]:
        return parts.audit_sealer.public_key()

    print_json({"keys": [with_parts(data, work)]})


@contextmanager
def _writing(path: Path | None) -> Iterator[TextIO]:
    """Yield where to write: a file for its owner alone, as it has names in it."""
    if path is None:
        yield sys.stdout
        return
    path.touch(_PRIVATE)
    with path.open("w", encoding="utf-8") as file:
        yield file


def _opened(keys: "SealKeys", heads: list[str]) -> "list[Seal]":
    opened = []
    for one in heads:
        seal = keys.open(one)
        if seal is None:
            raise InvalidRequestError(
                "The seal that was kept is signed by none of the keys: if the sealing key was "
                "changed, give the old public key with --keys."
            )
        opened.append(seal)
    return opened


def _read_head(path: Path) -> str:
    """Return the JWS: the file is that alone, or JSON with it in `jws`."""
    try:
        words = path.read_text("ascii").strip()
        return str(json.loads(words)["jws"]) if words.startswith("{") else words
    except (KeyError, ValueError) as exc:
        raise InvalidRequestError(f"{path} holds no seal.") from exc


def _read_keys(path: Path) -> list[Mapping[str, Any]]:
    try:
        return [dict(key) for key in json.loads(path.read_bytes())["keys"]]
    except (KeyError, TypeError, ValueError) as exc:
        raise InvalidRequestError(f"{path} holds no keys: a JSON Web Key Set is expected.") from exc


def _tell(report: "AuditReport") -> None:
    for fault in report.faults[:_MOST_FAULTS]:
        typer.echo(f"{fault.kind.value}: {fault.text()}.")
    if len(report.faults) > _MOST_FAULTS:
        typer.echo(f"… and {len(report.faults) - _MOST_FAULTS} more.")
    erased = f", {report.erased} of them without what was personal" if report.erased else ""
    unsealed = f" {report.unsealed} have no seal yet." if report.unsealed else ""
    typer.echo(f"{report.entries} entries{erased}, {report.seals} seals.{unsealed}")
    if report.is_sound:
        typer.echo("The audit log is what was sealed.")
