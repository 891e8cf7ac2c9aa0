"""`transfer keys`: which master keys wrap the keys of cases, and the change to another."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from transfer.cli.options import AsJson, Data
from transfer.cli.output import print_object
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json
from transfer.core.errors import UnavailableError

if TYPE_CHECKING:
    from transfer.keys.masters import MasterKeyChain
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Show or rotate what wraps the keys of cases.", no_args_is_help=True)


@app.command()
def status(data: Data = None, as_json: AsJson = False) -> None:
    """Show the master key in use, and how many keys each master key wraps."""

    async def work(parts: "Parts") -> Json:
        from transfer.wiring.case_keys import master_keys

        masters = master_keys(parts.settings)
        wrapped, destroyed = await parts.records.case_keys.counts()
        return {
            "encrypts": parts.settings.encrypt_cases,
            "master": await masters.current() if masters else None,
            "wrapped": dict(sorted(wrapped.items())),
            "destroyed": destroyed,
        }

    print_object(with_parts(data, work), as_json=as_json)


@app.command()
def rotate(data: Data = None, as_json: AsJson = False) -> None:
    """Wrap by the newest master key what others wrapped; what is stored stays untouched.

    Safe while the service runs, and to be repeated. Afterwards the former master keys aren't needed
    by anything but backups of the records.
    """

    async def work(parts: "Parts") -> Json:
        from transfer.keys.rotation import MasterKeyRotation
        from transfer.ports import AuditEvent

        rotation = await MasterKeyRotation(parts.records.case_keys, _needed(parts)).run()
        report = asdict(rotation)
        actor = operator()
        await parts.records.audit.record(
            AuditEvent(
                at=parts.clock.now(),
                action="keys.rotated",
                actor=actor.name,
                door=actor.door,
                details=report,
            )
        )
        return report

    report = with_parts(data, work)
    print_object(report, as_json=as_json)
    if report["failed"]:
        raise UnavailableError("Not all keys could be wrapped anew: see the log, then try again.")


def _needed(parts: "Parts") -> "MasterKeyChain":
    from transfer.settings import SettingsError, variable
    from transfer.wiring.case_keys import master_keys

    masters = master_keys(parts.settings)
    if masters is None:
        raise SettingsError([f"{variable('master_keys')}: missing."])
    return masters
