"""Accounts that were issued before they could have keys stay as good, and the way back is safe."""

from dataclasses import replace
from typing import Any

from alembic import command
from sqlalchemy import text

from tests.contract.records.scenario import ANALYST, NOW, NUMBER, new_account, open_case
from transfer.core.accounts import AccountUse, parse_networks
from transfer.core.public_keys import PublicKey
from transfer.records import migrate
from transfer.records.assembly import open_records
from transfer.records.database import Database

_OLD = {
    "id": "old",
    "case_number": NUMBER,
    "username": "u1",
    "password_hash": b"hash",
    "sealed_password": b"sealed",
    "issued_by": "analyst",
    "issued_at": NOW,
    "expires_at": NOW,
}


def _insert_old(url: str) -> None:
    columns = ", ".join(_OLD)
    values = ", ".join(f":{name}" for name in _OLD)
    case: dict[str, Any] = {"number": NUMBER, "now": NOW}
    with migrate.transaction(url) as connection:
        command.upgrade(migrate.config(connection), "0006")
        connection.execute(
            text(
                "INSERT INTO cases (number, id, subject, account, status, substatus, opened_at,"
                " version) VALUES (:number, 'c1', 's', 'a', 'Open', 'New', :now, 1)"
            ),
            case,
        )
        connection.execute(
            text(f"INSERT INTO sftp_accounts ({columns}) VALUES ({values})"),  # noqa: S608 - our own
            _OLD,
        )


async def test_an_account_of_before_is_one_with_a_password_and_nothing_else(empty_url: str) -> None:
    _insert_old(empty_url)
    migrate.upgrade(empty_url)
    database = await Database.open(empty_url)
    try:
        found = await open_records(database).accounts.by_username("u1")
    finally:
        await database.close()
    assert found is not None
    assert (found.password_hash, found.sealed_password) == (b"hash", b"sealed")
    assert (found.keys, found.networks, found.label, found.issue) == ((), (), "", 1)
    assert found.use == AccountUse()


async def test_the_way_back_leaves_no_account_that_would_open_to_more(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    database = await Database.open(empty_url)
    plain = new_account("plain", label="stays")
    key = PublicKey(algorithm="ssh-ed25519", blob=b"one")
    bare = replace(new_account("keys"), password_hash=None, sealed_password=None, keys=(key,))
    limited = new_account("limited", networks=parse_networks(["192.0.2.7"]))
    try:
        records = open_records(database)
        await open_case(records)
        for account in (plain, bare, limited):
            await records.accounts.insert(account, ANALYST)
    finally:
        await database.close()
    with migrate.transaction(empty_url) as connection:
        command.downgrade(migrate.config(connection), "0006")
        left = connection.execute(text("SELECT username FROM sftp_accounts")).scalars().all()
    assert left == ["plain"]
