"""`transfer migrate`, `check-config` and `version`."""

import asyncio
from typing import Annotated

import typer

from transfer import __version__
from transfer.cli.options import AsJson, Data
from transfer.cli.output import print_json, print_object
from transfer.cli.session import prepared
from transfer.cli.shapes import Json
from transfer.core.errors import StoreUnavailableError
from transfer.core.object_keys import EVERY_CASE
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


def check_config(
    data: Data = None,
    apply_bucket: Annotated[
        bool,
        typer.Option(
            "--apply-bucket",
            help="Also set the bucket's rule against uploads that nobody ends.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check all settings, the files they name, and what is needed to encrypt, if that is set.

    Shows what is in force, without secrets.
    """
    settings = load(data=data)
    _check_files(settings)
    if settings.database_url and not settings.sealing_key_file:
        typer.echo(
            f"Note: {variable('sealing_key_file')} isn't set: every node makes its own key, and "
            "can't show the passwords of accounts that another has issued.",
            err=True,
        )
    shown, faults = settings.shown(), list[str]()
    if apply_bucket:
        shown["bucket"] = asyncio.run(_apply_bucket(prepared(data)))
        faults += map(_early_end, shown["bucket"]["early"])
    if settings.master_keys:
        shown["tried"], problems = asyncio.run(_tried(settings))
        faults += problems
    print_object(shown, as_json=as_json)
    if faults:
        raise SettingsError(faults)


async def _tried(settings: Settings) -> tuple[Json, list[str]]:
    """Ask the master keys, and try whether the store encrypts; return the answers, and faults."""
    from transfer.wiring.case_keys import try_master_keys

    answers: Json = {}
    faults: list[str] = []
    try:
        answers["master_keys"] = await try_master_keys(settings)
    except SettingsError as exc:
        faults += exc.faults
    try:
        answers["store_encrypts"] = await _try_store(settings)
    except SettingsError as exc:
        faults += exc.faults
    return answers, faults


async def _try_store(settings: Settings) -> bool | None:
    """Try whether the store encrypts; None where that isn't asked for, or nothing runs yet.

    Raises:
        SettingsError: it doesn't, or can't be tried.
    """
    from transfer.storage.s3 import S3ObjectStore
    from transfer.wiring.case_keys import check_customer_keys
    from transfer.wiring.objects import own_or_running_store

    access = own_or_running_store(settings) if settings.encrypt_cases else None
    if access is None:
        return None  # the embedded store is tried at its start
    async with S3ObjectStore(access) as store:
        try:
            await store.probe()
        except StoreUnavailableError as exc:
            raise SettingsError(
                [
                    f"{variable('encrypt_cases')}: whether the store encrypts can't be tried. "
                    f"{exc.message} A bucket is made by `transfer check-config --apply-bucket`; if "
                    f"it is there, look at {variable('s3_endpoint_url')} and the access keys."
                ]
            ) from exc
        await check_customer_keys(store)
    return True


async def _apply_bucket(settings: Settings) -> Json:
    """Make the bucket if need be, set its rule, and return what it says then."""
    from transfer.clock import SystemClock
    from transfer.core.sweeping import backstop_days
    from transfer.storage.s3 import S3ObjectStore
    from transfer.storage.s3_lifecycle import abort_incomplete_after
    from transfer.wiring.objects import join_objects

    async with (
        join_objects(settings, SystemClock()) as objects,
        S3ObjectStore(objects.access) as store,
    ):
        await store.ensure_bucket()
        days = backstop_days(settings.upload_max_age)
        state = await asyncio.to_thread(abort_incomplete_after, objects.access, days)
    return {
        "name": objects.access.bucket,
        "abort_incomplete_after_days": state.days,
        "changed": state.changed,
        "replaced": state.replaced,
        "other_rules": state.other_rules,
        "early": list(state.early),
    }


def _early_end(what: str) -> str:
    return (
        f"The bucket's rule {what}: it isn't ours, and takes away what is stored for cases before "
        f"its time. Limit it to keys that don't begin with {EVERY_CASE}, or remove it."
    )


def _check_files(settings: Settings) -> None:
    """Raise if a key or certificate that is set can't be used; nothing is made."""
    from transfer.clock import SystemClock
    from transfer.wiring.case_keys import master_keys
    from transfer.wiring.cores import foreign_core
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
        master_keys(settings)
    except SettingsError as exc:
        faults += exc.faults
    try:
        identity_provider(settings, SystemClock())
    except SettingsError as exc:
        faults += exc.faults
    try:
        foreign_core(settings, SystemClock())
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
