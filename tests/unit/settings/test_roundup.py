"""Settings of a tracker: its words and ours, and what it can't be without."""

import pytest

from transfer.core.cases import Status
from transfer.settings import Settings, SettingsError, load
from transfer.settings.roundup import FIELDS, PRIORITIES, STATUSES, parse_standing

NEEDED = {
    "TRANSFER_CASE_CORE": "roundup",
    "TRANSFER_CASE_CORE_URL": "https://tracker.example.com/support/",
    "TRANSFER_ROUNDUP_USER": "case-transfer",
    "TRANSFER_ROUNDUP_PASSWORD_FILE": "/etc/case-transfer/roundup.password",
}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_without_tables_they_are_those_of_the_classic_template(loaded: pytest.MonkeyPatch) -> None:
    settings = load()
    assert settings.roundup_fields == FIELDS
    assert settings.roundup_statuses == STATUSES
    assert settings.roundup_priorities == PRIORITIES


def test_fields_are_added_and_statuses_replaced_by_text_or_by_a_table(
    loaded: pytest.MonkeyPatch,
) -> None:
    loaded.setenv("TRANSFER_ROUNDUP_FIELDS", "subject=summary, region=area.name")
    loaded.setenv("TRANSFER_ROUNDUP_STATUSES", "new=open, done = closed/cancelled")
    settings = load()
    assert settings.roundup_fields == {**FIELDS, "subject": "summary", "region": "area.name"}
    assert settings.roundup_statuses == {"new": "Open/New", "done": "Closed/Cancelled"}
    given = Settings.model_validate({"roundup_priorities": {"now": "production down"}})
    assert given.roundup_priorities == {"now": "Production Down"}
    assert load(**settings.to_given()).roundup_statuses == settings.roundup_statuses


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FIELDS", "colour=red"),
        ("FIELDS", "subject=title,subject=summary"),
        ("FIELDS", "subject="),
        ("FIELDS", "subject=title&x"),
        ("FIELDS", "subject"),
        ("STATUSES", "new=Ajar"),
        ("STATUSES", "new=Open/Replied"),
        ("STATUSES", "new=Open"),  # and nothing is Closed
        ("PRIORITIES", "now=Very High"),
        ("USER", "a:b"),
        ("CLASS", "issue/1"),
    ],
)
def test_words_that_mean_nothing_are_faults(
    loaded: pytest.MonkeyPatch, name: str, value: str
) -> None:
    loaded.setenv(f"TRANSFER_ROUNDUP_{name}", value)
    with pytest.raises(SettingsError, match=f"TRANSFER_ROUNDUP_{name}: expected"):
        load()


@pytest.mark.parametrize("name", ["USER", "PASSWORD_FILE"])
def test_nobody_gets_into_a_tracker_without_a_name_and_a_password(
    loaded: pytest.MonkeyPatch, name: str
) -> None:
    loaded.delenv(f"TRANSFER_ROUNDUP_{name}")
    with pytest.raises(SettingsError, match=f"TRANSFER_ROUNDUP_{name}: expected"):
        load()


def test_a_tracker_s_user_means_nothing_without_a_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_ROUNDUP_USER", "case-transfer")
    with pytest.raises(SettingsError, match="TRANSFER_CASE_CORE_URL: missing"):
        load()


def test_a_standing_is_a_status_and_the_first_substatus_unless_another_is_named() -> None:
    assert parse_standing("solution proposed") == (Status.SOLUTION_PROPOSED, "Replied")
    assert parse_standing("Open / investigation") == (Status.OPEN, "Investigation")
