"""Keys of cases: built from settings, and the store that they encrypt."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from transfer.core.cases import CaseId
from transfer.core.errors import KeyUnavailableError, StoreUnavailableError
from transfer.keys.command import MasterKeyCommand
from transfer.keys.masters import MASTER_KEY_BYTES, MasterKey, MasterKeyChain, MasterKeyFile
from transfer.keys.ring import KEY_BYTES, CaseKeyRing
from transfer.ports import Clock, ObjectStore, Records
from transfer.settings import Settings, SettingsError, variable
from transfer.storage.keyed import CustomerKeyStore, KeyedStore, keeps_to_keys

_ONE, _ANOTHER = bytes(KEY_BYTES), bytes([1]) * KEY_BYTES
"""To try a store with."""

_TRIAL = CaseId("check-config")
"""In place of a case, to try a master key with."""


def master_keys(settings: Settings) -> MasterKeyChain | None:
    """Return the master keys that are set; None if there are none. Reads their files.

    Raises:
        SettingsError: a file isn't a key.
    """
    if not settings.master_keys:
        return None
    return MasterKeyChain([_source(kind, path) for kind, path in settings.master_key_sources])


def case_keys(records: Records, masters: MasterKeyChain | None, clock: Clock) -> CaseKeyRing:
    """Return the keys of cases, as `masters` open them."""
    return CaseKeyRing(records=records.case_keys, masters=masters, clock=clock)


def keyed(store: ObjectStore, keys: CaseKeyRing) -> ObjectStore:
    """Return `store` as it encrypts.

    Without a master key, too: another node may have begun an encrypted object, and this one must
    not put its parts there as they are.
    """
    return KeyedStore(cast(CustomerKeyStore, store), keys)  # as every store of ours is


async def check_master_keys(settings: Settings, records: Records) -> None:
    """Raise if cases have keys that no master key opens which is set.

    Raises:
        SettingsError: they have; what is stored for them can't be read.
    """
    masters = master_keys(settings)
    counts, _ = await records.case_keys.counts()
    lost = {name: count for name, count in counts.items() if not (masters and masters.opens(name))}
    if lost:
        raise SettingsError(
            f"{variable('master_keys')}: {count} cases have keys that are wrapped by {name}, which "
            "is missing here."
            for name, count in sorted(lost.items())
        )


async def check_encryption(settings: Settings, store: CustomerKeyStore) -> None:
    """Raise if cases are to be encrypted, and can't be.

    Raises:
        SettingsError: `store` refuses keys, or takes no notice of them.
        StoreUnavailableError: the master key can't be asked now.
    """
    masters = master_keys(settings)
    if masters is None or not settings.encrypt_cases:
        return
    await masters.current()
    await check_customer_keys(store)


async def check_customer_keys(store: CustomerKeyStore) -> None:
    """Raise if `store` doesn't encrypt under the keys that it is given.

    Raises:
        SettingsError: it refuses keys, or takes no notice of them.
    """
    name = variable("encrypt_cases")
    try:
        keeps = await keeps_to_keys(store, _ONE, _ANOTHER)
    except StoreUnavailableError as exc:
        # As AWS does, until it is allowed for the bucket.
        raise SettingsError(
            [
                f"{name}: nothing can be stored under a key of ours (SSE-C). {exc.message} "
                "Allow SSE-C for the bucket (AWS: PutBucketEncryption), and its user to write."
            ]
        ) from exc
    if not keeps:
        raise SettingsError(
            [
                f"{name}: the object store takes no notice of our keys (SSE-C). Leave this unset, "
                "or choose a store that keeps to them: docs/encryption.md."
            ]
        )


async def try_master_keys(settings: Settings) -> list[str]:
    """Return the ids of the master keys that are set, each asked for its own, the newest first.

    The newest one also wraps a key and gives it back: what it can't, no case could be opened by.

    Raises:
        SettingsError: some master key doesn't answer so, or two are taken for the same.
    """
    ids: list[str] = []
    faults: list[str] = []
    for at, (kind, path) in enumerate(settings.master_key_sources):
        try:
            source = _source(kind, path)
            with _trying(path, "id"):
                ids.append(await source.current())
            if at == 0:
                await _try_to_wrap(source, path)
        except SettingsError as exc:
            faults += exc.faults
    if len(set(ids)) < len(ids):
        # A rotation would take what the former one wrapped for its own.
        faults.append(f"{variable('master_keys')}: two have the same id. Give each one its own.")
    if faults:
        raise SettingsError(faults)
    return ids


async def _try_to_wrap(source: MasterKey, path: Path) -> None:
    key = os.urandom(KEY_BYTES)
    with _trying(path, "wrap"):
        wrapped = await source.wrap(_TRIAL, key)
        if key in wrapped.sealed:
            raise KeyUnavailableError("Its answer has the key in it as it is.")
    with _trying(path, "unwrap"):
        if await source.unwrap(_TRIAL, wrapped) != key:
            raise KeyUnavailableError("It gives another key than it has wrapped.")


@contextmanager
def _trying(path: Path, verb: str) -> Iterator[None]:
    """Turn a failure at `verb` into a fault of the settings that says how to look into it."""
    try:
        yield
    except StoreUnavailableError as exc:
        raise SettingsError(
            [
                f"{variable('master_keys')}: {path} fails a trial of `{verb}`. {exc.message} Run "
                f"`{path} {verb} case-transfer:{_TRIAL}` as the service's user, and see what it "
                "says; docs/encryption.md has what it is given and what it has to answer."
            ]
        ) from exc


def _source(kind: str, path: Path) -> MasterKey:
    if kind == "command":
        return MasterKeyCommand(path)
    expected = f"{variable('master_keys')}: expected {path} to be a file of 32 random bytes"
    try:
        key = path.read_bytes()
    except OSError as exc:
        raise SettingsError([f"{expected} ({exc.strerror})."]) from exc
    if len(key) != MASTER_KEY_BYTES:
        raise SettingsError([f"{expected}; it has {len(key)}."])
    return MasterKeyFile(key)
