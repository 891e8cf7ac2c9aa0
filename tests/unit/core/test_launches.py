"""What a launch link has to say, claim by claim."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import LaunchRefusedError
from transfer.core.launches import CLOCK_SKEW, LONGEST, Launch, LaunchRules, read_launch

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULES = LaunchRules(issuer="https://portal.example.com", audience="case-transfer-eu")
STAFF_TOO = LaunchRules(issuer=RULES.issuer, audience=RULES.audience, roles=frozenset(Role))


def stamp(seconds: float) -> float:
    return NOW.timestamp() + seconds


def claims(**changes: object) -> dict[str, Any]:
    told = {
        "iss": RULES.issuer,
        "aud": RULES.audience,
        "jti": "one",
        "iat": stamp(0),
        "exp": stamp(300),
        "sub": "contact-7",
        "name": "Jo Smith",
        "case": "0003256109",
        "role": "designated",
    }
    return {name: value for name, value in {**told, **changes}.items() if value is not ...}


def accepted(rules: LaunchRules = RULES, /, **changes: Any) -> Launch:  # noqa: ANN401 -- a claim may be anything
    return read_launch(claims(**changes), rules, NOW)


def reason(rules: LaunchRules = RULES, /, **changes: Any) -> str:  # noqa: ANN401 -- as above
    with pytest.raises(LaunchRefusedError) as caught:
        read_launch(claims(**changes), rules, NOW)
    assert caught.value.message == LaunchRefusedError("another").message
    return caught.value.reason


def test_a_good_link_says_who_for_what_and_until_when() -> None:
    launch = read_launch(claims(), RULES, NOW)
    assert (launch.id, launch.subject, launch.name) == ("one", "contact-7", "Jo Smith")
    assert (launch.role, launch.case_number) == (Role.DESIGNATED, "0003256109")
    assert launch.expires_at == NOW + LONGEST


def test_a_name_is_the_subject_where_none_is_given() -> None:
    assert read_launch(claims(name=...), RULES, NOW).name == "contact-7"


def test_an_audience_may_be_one_of_several() -> None:
    assert accepted(aud=["else", RULES.audience]).expires_at > NOW
    assert reason(aud=["case-transfer-us"]) == "wrong-audience"


@pytest.mark.parametrize("audience", ["case-transfer-us", "", None, ..., {}, 5, "CASE-TRANSFER-EU"])
def test_a_link_for_another_service_or_region_is_refused(audience: object) -> None:
    assert reason(aud=audience) == "wrong-audience"


@pytest.mark.parametrize("issuer", ["https://evil.example.com", None, ..., [RULES.issuer]])
def test_a_link_of_another_issuer_is_refused(issuer: object) -> None:
    assert reason(iss=issuer) == "wrong-issuer"


def test_times_are_exact_to_the_second() -> None:
    assert accepted(iat=stamp(-299), exp=stamp(1)).expires_at > NOW
    assert reason(iat=stamp(-300), exp=stamp(0)) == "expired"
    assert reason(exp=stamp(301)) == "too-long-lived"
    assert reason(iat=stamp(-1)) == "too-long-lived"


def test_an_issuer_s_clock_may_be_a_little_ahead() -> None:
    ahead = CLOCK_SKEW.total_seconds()
    assert accepted(iat=stamp(ahead), exp=stamp(300 + ahead)).expires_at > NOW
    assert reason(iat=stamp(ahead + 1), exp=stamp(300)) == "from-the-future"
    assert reason(nbf=stamp(ahead + 1)) == "from-the-future"
    assert accepted(nbf=stamp(0)).expires_at > NOW


def test_links_of_the_service_itself_may_live_longer() -> None:
    rules = LaunchRules(issuer=RULES.issuer, audience=RULES.audience, longest=timedelta(hours=1))
    assert accepted(rules, exp=stamp(3600)).expires_at > NOW
    assert reason(rules, exp=stamp(3601)) == "too-long-lived"


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize(
    "value", [None, "1", True, float("inf"), float("nan"), 10**400, -1e30, [], {}]
)
def test_a_time_that_is_none_is_refused(name: str, value: object) -> None:
    assert reason(**{name: value}) == f"claim-{name}"


@pytest.mark.parametrize("name", ["jti", "sub", "name"])
@pytest.mark.parametrize("value", [None, "", "  ", 5, True, [], "a\nb", "a\x00", "x" * 201])
def test_a_text_that_is_no_line_is_refused(name: str, value: object) -> None:
    assert reason(**{name: value}) == f"claim-{name}"


@pytest.mark.parametrize("name", ["iat", "exp", "jti", "sub"])
def test_what_is_needed_can_not_be_left_out(name: str) -> None:
    assert reason(**{name: ...}) == f"claim-{name}"


@pytest.mark.parametrize("number", ["3256109", "00032561090", "٠٠٠٣٢٥٦١٠٩", "000325610a"])
def test_what_is_no_case_number_is_refused(number: str) -> None:
    assert reason(case=number) == "case"


def test_a_customer_needs_a_case_and_staff_may_have_all() -> None:
    assert reason(case=...) == "claim-case"
    assert reason(STAFF_TOO, case=..., role="read-only") == "claim-case"
    assert read_launch(claims(case=..., role="analyst"), STAFF_TOO, NOW).case_number is None
    limited = read_launch(claims(role="analyst"), STAFF_TOO, NOW)
    assert limited.case_number == CaseNumber("0003256109")
    assert reason(STAFF_TOO, case=None, role="analyst") == "claim-case"


@pytest.mark.parametrize("role", ["analyst", "admin", "owner", "", None, ..., ["designated"], {}])
def test_a_role_that_the_issuer_may_not_give_is_refused(role: object) -> None:
    assert reason(role=role) == "role"
