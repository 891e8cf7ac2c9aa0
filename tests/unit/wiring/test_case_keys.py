"""Encryption as the composition root sets it up."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import pytest

from tests.clock import MovableClock
from tests.keys import HeedlessStore, ShellKms, destroy_key
from tests.sqlite import sqlite_records
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.errors import StoreUnavailableError
from transfer.core.uploads import UploadId, object_key
from transfer.folder import ServiceFolder
from transfer.keys.masters import MasterKeyFile
from transfer.ports import Records
from transfer.records.migrate import upgrade
from transfer.settings import Settings, SettingsError, load
from transfer.storage.memory import MemoryObjectStore
from transfer.wiring.case_keys import (
    case_keys,
    check_encryption,
    check_master_keys,
    master_keys,
    try_master_keys,
)
from transfer.wiring.parts import database_url, open_parts

KEY = bytes(range(32))


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with sqlite_records(tmp_path) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    path.write_bytes(KEY)
    return path


def encrypting(*sources: str, data: Path | None = None) -> Settings:
    return load(encrypt_cases=True, master_keys=",".join(sources), data=data)


async def test_master_keys_come_from_files_and_commands(tmp_path: Path, file: Path) -> None:
    kms = ShellKms(tmp_path)
    masters = master_keys(encrypting(f"command:{kms.program}", f"file:{file}"))
    assert masters is not None
    assert await masters.current() == "command:key-1"
    assert masters.opens(MasterKeyFile(KEY).id)
    assert master_keys(load()) is None


@pytest.mark.parametrize(
    ("size", "problem"), [(None, "No such file"), (0, "has 0"), (33, "has 33")]
)
def test_a_file_that_is_no_master_key_is_told(
    tmp_path: Path, size: int | None, problem: str
) -> None:
    file = tmp_path / "master.key"
    if size is not None:
        file.write_bytes(bytes(size))
    with pytest.raises(SettingsError, match=f"TRANSFER_MASTER_KEYS: .*{problem}"):
        master_keys(encrypting(f"file:{file}"))


async def test_keys_that_no_master_key_opens_are_told_at_the_start(
    records: Records, tmp_path: Path, file: Path
) -> None:
    core = EmbeddedCaseCore(records=records, clock=MovableClock(), new_id=lambda: "case")
    case = await core.open("Trace", "ACME", "ada")
    settings = encrypting(f"file:{file}")
    ring = case_keys(records, master_keys(settings), MovableClock())
    await ring.for_writing(object_key(case.id, UploadId("upload"), 1, keyed=True))
    await check_master_keys(settings, records)
    other = tmp_path / "other.key"
    other.write_bytes(bytes(32))
    for wrong in (load(), encrypting(f"file:{other}")):
        with pytest.raises(SettingsError, match=f"1 cases .* {MasterKeyFile(KEY).id}"):
            await check_master_keys(wrong, records)
    assert await destroy_key(records, case.id, MovableClock().now())
    await check_master_keys(load(), records)


async def test_the_service_begins_only_if_it_can_encrypt(tmp_path: Path, file: Path) -> None:
    await check_encryption(encrypting(f"file:{file}"), MemoryObjectStore())
    with pytest.raises(SettingsError, match="no notice of our keys"):
        await check_encryption(encrypting(f"file:{file}"), HeedlessStore())
    await check_encryption(load(), HeedlessStore())
    refusing = MemoryObjectStore()
    refusing.fail_next("put", StoreUnavailableError("The object store answered AccessDenied."))
    with pytest.raises(SettingsError, match=r"SSE-C.*AccessDenied"):
        await check_encryption(encrypting(f"file:{file}"), refusing)
    kms = ShellKms(tmp_path)
    kms.stop()
    with pytest.raises(StoreUnavailableError, match="status 3"):
        await check_encryption(encrypting(f"command:{kms.program}"), MemoryObjectStore())


async def test_master_keys_are_tried_each_by_its_id_and_the_newest_by_a_key(
    tmp_path: Path, file: Path
) -> None:
    kms = ShellKms(tmp_path)
    settings = encrypting(f"command:{kms.program}", f"file:{file}")
    assert await try_master_keys(settings) == ["command:key-1", MasterKeyFile(KEY).id]
    context = "case-transfer:check-config"
    assert kms.asked[-2:] == [f"wrap {context}", f"unwrap {context}"]
    await try_master_keys(encrypting(f"file:{file}", f"command:{kms.program}"))
    assert kms.asked[-2:] == [f"unwrap {context}", "id"], "a former one may be unable to wrap"


@pytest.mark.parametrize(
    ("verb", "does", "told"),
    [
        ("id", "exit 3", "failed with status 3"),
        ("wrap", "exit 4", "failed with status 4"),
        ("wrap", "echo '%%%'", "gave no base64"),
        ("wrap", "cat", "has the key in it as it is"),
        ("unwrap", "exit 5", "failed with status 5"),
        ("unwrap", "cat", "gives another key than it has wrapped"),
    ],
)
async def test_a_kms_that_fails_its_trial_is_told_with_the_call_to_look_into(
    tmp_path: Path, verb: str, does: str, told: str
) -> None:
    kms = ShellKms(tmp_path)
    kms.answer(verb, does)
    with pytest.raises(SettingsError, match=told) as failed:
        await try_master_keys(encrypting(f"command:{kms.program}"))
    [fault] = failed.value.faults
    assert fault.startswith("TRANSFER_MASTER_KEYS: ")
    assert f"Run `{kms.program} {verb} case-transfer:check-config`" in fault


async def test_all_master_keys_that_fail_are_told_and_so_are_two_of_one_id(
    tmp_path: Path, file: Path
) -> None:
    stopped = ShellKms(tmp_path)
    stopped.stop()
    gone = tmp_path / "gone"
    with pytest.raises(SettingsError) as failed:
        await try_master_keys(encrypting(f"command:{stopped.program}", f"command:{gone}"))
    assert [
        str(path) in fault
        for path, fault in zip((stopped.program, gone), failed.value.faults, strict=True)
    ] == [True, True]
    copy = tmp_path / "copy.key"
    copy.write_bytes(KEY)
    with pytest.raises(SettingsError, match="two have the same id"):
        await try_master_keys(encrypting(f"file:{file}", f"file:{copy}"))


async def test_without_master_keys_nothing_is_stored_bare_that_has_a_key(
    tmp_path: Path, file: Path
) -> None:
    for given, encrypts in ((load(data=tmp_path), False), (encrypting(f"file:{file}"), True)):
        settings = given.model_copy(update={"data": tmp_path})
        ServiceFolder(settings.data).prepare()
        upgrade(database_url(settings))
        store = MemoryObjectStore()
        async with open_parts(settings, store=store) as parts:
            assert parts.tools.policy.keyed == encrypts
            core = EmbeddedCaseCore(
                records=parts.records, clock=MovableClock(), new_id=lambda: token_hex(4)
            )
            case = await core.open("Trace", "ACME", "ada")
            keyed, bare = (
                object_key(case.id, UploadId("upload"), 1, keyed=keyed) for keyed in (True, False)
            )
            await parts.tools.store.put(bare, b"", crc64nvme=0)
            if not encrypts:
                with pytest.raises(StoreUnavailableError, match="no master key is set"):
                    await parts.tools.store.put(keyed, b"", crc64nvme=0)
                assert list(store.objects) == [bare]
                continue
            await parts.tools.store.put(keyed, b"", crc64nvme=0)
            assert set(store.objects) == {bare, keyed}
