"""Names are text, whatever they spell: nothing of them is ever read as SQL."""

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    NUMBER,
    begin,
    new_account,
    open_case,
    path,
    receive,
)
from transfer.core.accounts import AccountId
from transfer.core.cases import CaseNumber
from transfer.core.errors import CaseMissingError, InvalidRequestError, MissingError
from transfer.core.names import ROOT
from transfer.core.uploads import FileId, StoredFile, UploadId
from transfer.ports import Records

HOSTILE = (
    "'; DROP TABLE files; --",
    '" OR ""="',
    "' OR '1'='1",
    "\\'; DELETE FROM cases; --",
    "%",
    "_",
    "$1",
    ":id",
    "%(id)s",
    "?",
    "{}",
    "$$",
    "files",
    "NULL",
)


async def test_names_that_look_like_sql_are_names(records: Records) -> None:
    await open_case(records)
    for name in HOSTILE:
        file = await receive(records, f"{name}/{name}")
        assert await records.tree.entry(NUMBER, path(f"{name}/{name}")) == file
    await records.tree.move(NUMBER, path(HOSTILE[0]), path("calm"), CUSTOMER, NOW)
    await begin(records, "' OR '1'='1/live")
    assert len((await records.tree.files(NUMBER))[0]) == len(HOSTILE)
    folders = {entry.path for entry in await records.tree.children(NUMBER, ROOT)}
    assert folders == {*HOSTILE[1:], "calm", "shared"}
    assert isinstance(await records.tree.entry(NUMBER, path(f"calm/{HOSTILE[0]}")), StoredFile)


async def test_a_wildcard_finds_nothing_but_itself(records: Records) -> None:
    await open_case(records)
    await receive(records, "trace.log")
    for wildcard in ("%", "trace%", "_race.log", "*", "trace.*", ".*"):
        assert await records.tree.entry(NUMBER, path(wildcard)) is None


async def test_user_names_and_case_numbers_that_look_like_sql_are_just_unknown(
    records: Records,
) -> None:
    await open_case(records)
    await records.accounts.insert(new_account(), ANALYST)
    for text in HOSTILE:
        assert await records.accounts.by_username(text) is None
        with pytest.raises(CaseMissingError):
            await records.cases.case(CaseNumber(text))
        assert await records.tree.files(CaseNumber(text)) == ([], None)
    odd = new_account("' OR '1'='1")
    await records.accounts.insert(odd, ANALYST)
    assert await records.accounts.by_username("' OR '1'='1") == odd


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "x" * 100_000])
async def test_text_that_no_row_can_hold_is_refused_or_unknown(records: Records, text: str) -> None:
    await open_case(records)
    assert await records.accounts.by_username(text) is None
    for look in (
        records.uploads.upload(UploadId(text)),
        records.tree.file(FileId(text)),
        records.accounts.account(AccountId(text)),
        records.cases.case(CaseNumber(text)),
    ):
        with pytest.raises((InvalidRequestError, MissingError)):
            await look
