"""`transfer migrate`, `check-config` and `version`."""

import typer

from transfer import __version__
from transfer.cli.options import AsJson, Data
from transfer.cli.output import print_json, print_object
from transfer.cli.session import prepared
from transfer.folder import ServiceFolder
from transfer.settings import Settings, SettingsError, load, variable


def migrate(data: Data = None, as_json: AsJson = False) -> None:
    """Bring the database's tables to what this version expects; safe while others do it too."""
    from transfer.records.migrate import current, pending, upgrade
    from transfer.wiring.parts import database_url

    url = database_url(prepared(data))
    missing = pending(url)
    upgrade(url)
    print_object({"revision": current(url), "migrated": missing}, as_json=as_json)


def check_config(data: Data = None, as_json: AsJson = False) -> None:
    """Check all settings and the files they name, and show what is in force without secrets."""
    settings = load(data=data)
    _check_files(settings)
    if settings.database_url and not settings.sealing_key_file:
        typer.echo(
            f"Note: {variable('sealing_key_file')} isn't set: every node makes its own key, and "
            "can't show the passwords of accounts that another has issued.",
            err=True,
        )
    print_object(settings.shown(), as_json=as_json)


def _check_files(settings: Settings) -> None:
    """Raise if a key or certificate that is set can't be used; nothing is made."""
    from transfer.clock import SystemClock
    from transfer.wiring.doors import certificate_files
    from transfer.wiring.identity import identity_provider

    faults: list[str] = []
    try:
        if settings.sealing_key_file:
            ServiceFolder(settings.data).sealing_key(settings)
    except SettingsError as exc:
        faults += exc.faults
    try:
        if settings.tls_cert_file:
            certificate_files(settings, SystemClock())
    except SettingsError as exc:
        faults += exc.faults
    try:
        identity_provider(settings, SystemClock())
    except SettingsError as exc:
        faults += exc.faults
    if faults:
        raise SettingsError(faults)


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__})
    else:
        typer.echo(__version__)
