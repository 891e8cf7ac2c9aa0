"""Settings of follow-ups."""

import os
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest

from transfer.core.follow_ups import DayCount, FollowUpPlan
from transfer.settings import SettingsError, load


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):  # noqa: TID251 - what the caller has set must not matter here
        if name.startswith("TRANSFER_"):
            monkeypatch.delenv(name)


def test_customers_are_reminded_by_the_calendar_unless_told_otherwise() -> None:
    settings = load()
    assert settings.follow_up_plan == FollowUpPlan(days=(2, 5, 10), zone=UTC)
    assert settings.reopening_period == timedelta(days=30)


def test_a_plan_is_read_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "FOLLOW_UP_DAYS": "1, 3",
        "FOLLOW_UP_COUNT": "business",
        "BUSINESS_ZONE": "Europe/Berlin",
        "BUSINESS_HOLIDAYS": "2026-12-25, 2027-01-01",
    }.items():
        monkeypatch.setenv(f"TRANSFER_{name}", value)
    settings = load()
    assert settings.follow_up_plan == FollowUpPlan(
        days=(1, 3),
        count=DayCount.BUSINESS,
        zone=ZoneInfo("Europe/Berlin"),
        holidays=frozenset({date(2026, 12, 25), date(2027, 1, 1)}),
    )
    assert load(**settings.to_given()).follow_up_plan == settings.follow_up_plan


def test_follow_ups_can_be_left_out() -> None:
    assert load(follow_up_days="never").follow_up_plan.days == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("follow_up_days", "5, 2"),
        ("follow_up_days", "2, 2"),
        ("follow_up_days", "0, 2"),
        ("follow_up_days", "2, 366"),
        ("follow_up_days", "soon"),
        ("follow_up_count", "lunar"),
        ("business_zone", "Europe/Atlantis"),
        ("business_zone", "../etc/passwd"),
        ("business_zone", "Europe"),
        ("business_holidays", "Christmas"),
    ],
)
def test_what_is_no_plan_is_a_fault(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    assert caught.value.faults[0].startswith(f"TRANSFER_{name.upper()}: expected ")
