"""Keys of cases: built from settings, and the store that they encrypt."""

from pathlib import Path
from typing import cast

from transfer.core.errors import StoreUnavailableError
from transfer.keys.command import MasterKeyCommand
from transfer.keys.masters import MASTER_KEY_BYTES, MasterKey, MasterKeyChain, MasterKeyFile
from transfer.keys.ring import KEY_BYTES, CaseKeyRing
from transfer.ports import Clock, ObjectStore, Records
from transfer.settings import Settings, SettingsError, variable
from transfer.storage.keyed import CustomerKeyStore, KeyedStore, keeps_to_keys

_ONE, _ANOTHER = bytes(KEY_BYTES), bytes([1]) * KEY_BYTES
"""To try a store with."""


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
    name = variable("encrypt_cases")
    try:
        keeps = await keeps_to_keys(store, _ONE, _ANOTHER)
    except StoreUnavailableError as exc:
        # As AWS does, until it is allowed for the bucket.
        raise SettingsError(
            [f"{name}: nothing can be stored under a key of ours (SSE-C). {exc.message}"]
        ) from exc
    if not keeps:
        raise SettingsError([f"{name}: the object store takes no notice of our keys (SSE-C)."])


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
