"""The composition root, as far as it decides anything."""

import asyncio
from dataclasses import fields
from pathlib import Path

import pytest

from transfer.core.access import Action, Role
from transfer.core.errors import StoreUnavailableError
from transfer.core.notices import Notice
from transfer.engine.policy import UploadPolicy
from transfer.folder import SERVICE, ServiceFolder
from transfer.records.migrate import upgrade
from transfer.settings import SettingsError, load
from transfer.storage.data_folder import DataFolder
from transfer.wiring.entrance import entrance_of
from transfer.wiring.objects import needed_store, running_store
from transfer.wiring.parts import (
    _Waker,
    database_url,
    grants_of,
    notice_of,
    open_parts,
    upload_policy,
)


def test_without_settings_uploads_are_treated_as_the_engine_does_by_itself() -> None:
    assert upload_policy(load()) == UploadPolicy()


def test_every_setting_of_uploads_reaches_the_engine() -> None:
    policy = upload_policy(
        load(
            part_bytes="32MiB",
            equal_parts=True,
            parallel_parts=3,
            max_file_bytes="1GiB",
            max_case_bytes="2GiB",
            upload_lifetime="1d",
            upload_max_age="9d",
            upload_lease="4s",
            takeover_grace="1s",
            flush_interval="2s",
            idle_flush="3s",
            watch_interval="500ms",
            takeover_interval="100ms",
            encrypt_cases=True,
            master_keys="file:/keys/master",
        )
    )
    defaults = UploadPolicy()
    assert all(getattr(policy, one.name) != getattr(defaults, one.name) for one in fields(policy))


def test_contacts_issue_accounts_only_where_the_operator_says_so() -> None:
    assert grants_of(load()) == {}
    granted = grants_of(load(contacts_issue_accounts=True))
    assert granted == {Role.DESIGNATED: frozenset({Action.MANAGE_ACCOUNTS})}


async def test_many_wakes_tell_the_dispatcher_each_time_and_the_worker_once() -> None:
    prompt: list[int] = []
    patient = asyncio.Event()
    rounds: list[int] = []

    def have_a_round() -> None:
        rounds.append(len(prompt))
        patient.set()

    waker = _Waker()
    waker()  # before there is anyone to wake
    waker.connect(prompt=lambda: prompt.append(1), patient=have_a_round)
    for _ in range(10):
        waker()
    assert len(prompt) == 10
    await asyncio.wait_for(patient.wait(), 10)
    patient.clear()
    waker()
    await asyncio.wait_for(patient.wait(), 10)
    assert rounds == [10, 11]


async def test_records_alone_do_without_a_store(tmp_path: Path) -> None:
    settings = load(data=tmp_path)
    await asyncio.to_thread(upgrade, database_url(settings))
    async with open_parts(settings) as parts:
        case = await parts.desk.open("Crash", "Example", "someone")
        assert [one.number for one in await parts.desk.cases()] == [case.number]
        with pytest.raises(StoreUnavailableError, match="No object store"):
            await parts.tools.store.delete(["key"])


def test_the_warning_is_the_operator_s_or_our_own(tmp_path: Path) -> None:
    assert notice_of(load()) == Notice()
    path = tmp_path / "warning.txt"
    path.write_text("Nehmt Rücksicht.", "utf-8")
    assert notice_of(load(warning_file=path)) == Notice("Nehmt Rücksicht.")


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"a\x00b"])
def test_a_warning_that_can_t_be_shown_keeps_the_service_from_starting(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "warning.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="TRANSFER_WARNING_FILE"):
        notice_of(load(warning_file=path))


def test_a_database_that_is_named_wins_over_the_folder(tmp_path: Path) -> None:
    assert database_url(load(data=tmp_path)) == f"sqlite:///{tmp_path / 'records.db'}"
    named = load(data=tmp_path, database_url="postgresql://user@host/name")
    assert database_url(named) == "postgresql://user@host/name"


def test_the_store_of_a_running_service_is_found_by_its_announcement(tmp_path: Path) -> None:
    settings, folder = load(data=tmp_path), ServiceFolder(tmp_path)
    folder.announce(SERVICE, {"store_url": "http://127.0.0.1:1"})
    assert running_store(settings) is None  # that was another time: nobody serves now
    store = DataFolder(folder.store_path)
    store.prepare()
    with folder.lock():
        found = running_store(settings)
        assert found is not None
        assert found.endpoint_url == "http://127.0.0.1:1"
        assert (found.access_key, found.secret_key) == store.credentials()
        assert needed_store(settings) == found
        folder.withdraw(SERVICE)
        with pytest.raises(StoreUnavailableError, match="is starting"):
            running_store(settings)


def test_a_part_of_a_deployment_uses_the_store_that_is_named(tmp_path: Path) -> None:
    settings = load(
        data=tmp_path,
        s3_endpoint_url="https://s3.example.com",
        s3_bucket="cases",
        s3_access_key="id",
        s3_secret_key="secret",
        s3_region="eu-1",
        s3_ca_file="/etc/ca.pem",
    )
    store = needed_store(settings)
    assert (store.endpoint_url, store.bucket) == ("https://s3.example.com", "cases")
    assert (store.access_key, store.secret_key) == ("id", "secret")
    assert (store.region, store.ca_file) == ("eu-1", "/etc/ca.pem")
    with pytest.raises(StoreUnavailableError, match="TRANSFER_S3_ENDPOINT_URL"):
        needed_store(load(data=tmp_path))


def test_people_get_in_where_settings_say(tmp_path: Path) -> None:
    entrance = entrance_of(
        load(
            data=tmp_path,
            public_url="https://transfer.example.com",
            public_sftp="sftp.example.com:22",
        )
    )
    assert entrance.http_url == "https://transfer.example.com"
    assert (entrance.sftp_host, entrance.sftp_port) == ("sftp.example.com", 22)
