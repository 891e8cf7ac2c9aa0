"""Whose a key is, and when something that is nobody's may go."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.cases import CaseId
from transfer.core.object_keys import KeyOwner, case_of_key, owner_of_key
from transfer.core.sweeping import GRACE, MANY, are_too_many, backstop_days, is_ripe
from transfer.core.uploads import UploadId, object_key, tail_key

SEEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
IDS = st.text("abcXYZ019-_", min_size=1)


@given(IDS, IDS, st.integers(0, 10**12), st.integers(0, 2**62), st.booleans())
def test_a_key_tells_whose_it_is(
    case: str, upload: str, fence: int, offset: int, keyed: bool
) -> None:
    case_id, upload_id = CaseId(case), UploadId(upload)
    whole = object_key(case_id, upload_id, fence, keyed=keyed)
    tail = tail_key(case_id, upload_id, fence, offset, keyed=keyed)
    for key in (whole, tail, f"{tail}.aside"):
        assert case_of_key(key) == case_id
        assert owner_of_key(key) == KeyOwner(upload_id, fence)


@pytest.mark.parametrize("key", ["", "health", "probe/checksum", "c", "c/", "c//a.1"])
def test_what_is_of_no_case_is_told_apart(key: str) -> None:
    assert case_of_key(key) is None
    assert owner_of_key(key) is None


@pytest.mark.parametrize("key", ["c/case/stray", "c/case/a.x", "c/case/a/b.1", "c/case/.1"])
def test_a_key_that_is_not_made_here_has_no_upload(key: str) -> None:
    assert case_of_key(key) == "case"
    assert owner_of_key(key) is None


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=9)))
def test_a_stray_goes_once_it_was_seen_again_a_day_later(between: timedelta) -> None:
    assert is_ripe(SEEN, SEEN + between, GRACE) == (between >= timedelta(days=1))


def test_what_was_seen_by_a_clock_that_was_set_back_waits() -> None:
    assert not is_ripe(SEEN, SEEN - timedelta(days=2), GRACE)


@pytest.mark.parametrize(
    ("strays", "listed", "too_many"),
    [
        (0, 0, False),
        (MANY, MANY, False),
        (MANY + 1, MANY + 1, True),
        (MANY + 1, 2 * MANY + 2, False),
        (MANY + 1, 2 * MANY, True),
        (10**6, 10**7, False),
    ],
)
def test_too_many_is_more_than_a_few_and_more_than_half(
    strays: int, listed: int, too_many: bool
) -> None:
    assert are_too_many(strays, listed) is too_many


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=3650)))
def test_the_store_ends_nothing_that_may_still_be_sent(longest: timedelta) -> None:
    days = timedelta(days=backstop_days(longest))
    assert longest + timedelta(days=7) <= days < longest + timedelta(days=8)
