"""When an SFTP account is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from transfer.core.accounts import LIFETIME, AccountEnd, AccountId, SftpAccount
from transfer.core.cases import CaseNumber

ISSUED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)

ACCOUNT = SftpAccount(
    id=AccountId("a1"),
    case_number=CaseNumber("0003256109"),
    username="c0003256109-x7",
    password_hash=b"\x00" * 32,
    sealed_password=b"sealed",
    issued_by="ada",
    issued_at=ISSUED,
    expires_at=ISSUED + LIFETIME,
)


def test_an_account_lives_a_hundred_and_twenty_hours() -> None:
    assert timedelta(hours=120) == LIFETIME


def test_an_account_is_good_until_the_very_end_and_over_at_it() -> None:
    assert ACCOUNT.ended(ISSUED) is None
    assert ACCOUNT.ended(ISSUED + LIFETIME - TICK) is None
    assert ACCOUNT.ended(ISSUED + LIFETIME) is AccountEnd.EXPIRED


@pytest.mark.parametrize("end", AccountEnd)
def test_an_account_that_was_ended_stays_so_for_the_reason_given(end: AccountEnd) -> None:
    ended = replace(ACCOUNT, ended_at=ISSUED, end=end)
    assert ended.ended(ISSUED) is end
    assert ended.ended(ISSUED + 2 * LIFETIME) is end
