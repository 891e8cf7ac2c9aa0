"""Regions: who serves what, and what somebody is told who asks the wrong one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.regions import EMEA, REGIONS
from transfer.core.access import Action, Door, Principal, Role, authorise, check_here, may
from transfer.core.cases import Case, CaseId, CaseNumber, Status
from transfer.core.errors import CaseElsewhereError, CaseHiddenError, InvalidRequestError
from transfer.core.regions import Gateway, launch_elsewhere, parse_region

NUMBER = CaseNumber("0003256109")
HERE = Case(
    number=NUMBER,
    id=CaseId("k3"),
    subject="Trace of a hanging node",
    account="ACME",
    status=Status.OPEN,
    substatus="New",
    opened_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
)
ELSEWHERE = replace(HERE, gateway=Gateway(region="emea", url=EMEA))
ANALYST = Principal(name="analyst", role=Role.ANALYST, door=Door.HTTP)


@pytest.mark.parametrize("region", [None, "us", " US "])
def test_what_names_no_region_or_ours_is_served_here(region: str | None) -> None:
    assert REGIONS.elsewhere(region) is None


@pytest.mark.parametrize(
    ("region", "gateway"),
    [
        ("emea", Gateway(region="emea", url=EMEA)),
        ("EMEA", Gateway(region="emea", url=EMEA)),
        ("apac", Gateway(region="apac")),
        ("<script>", Gateway(region="another")),
        ("", Gateway(region="another")),
    ],
)
def test_what_names_another_region_is_never_served_here(region: str, gateway: Gateway) -> None:
    assert REGIONS.elsewhere(region) == gateway


@pytest.mark.parametrize("text", ["", "-us", "u s", "ü", "us.east", "x" * 33])
def test_what_cannot_be_a_region_s_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_region(text)


@pytest.mark.parametrize("action", list(Action))
def test_a_case_of_another_region_is_refused_at_every_verb_with_the_way_there(
    action: Action,
) -> None:
    with pytest.raises(CaseElsewhereError, match=EMEA) as caught:
        authorise(ANALYST, action, ELSEWHERE)
    assert (caught.value.region, caught.value.gateway) == ("emea", EMEA)
    assert caught.value.page == f"{EMEA}/cases/{NUMBER}"
    assert not may(ANALYST, action, ELSEWHERE)


def test_whoever_may_not_see_a_case_is_not_told_that_it_is_elsewhere() -> None:
    stranger = replace(ANALYST, role=Role.DESIGNATED, cases=frozenset({CaseNumber("0000000001")}))
    with pytest.raises(CaseHiddenError):
        authorise(stranger, Action.SEE, ELSEWHERE)


def test_a_case_of_a_region_that_nobody_knows_is_refused_without_a_way() -> None:
    with pytest.raises(CaseElsewhereError, match="apac") as caught:
        check_here(replace(HERE, gateway=Gateway(region="apac")))
    assert (caught.value.gateway, caught.value.page) == (None, None)
    check_here(HERE)


def test_a_link_is_led_to_its_gateway_if_that_is_known() -> None:
    assert launch_elsewhere(Gateway(region="emea", url=EMEA)).gateway == EMEA
    unknown = launch_elsewhere(Gateway(region="apac"))
    assert unknown.gateway is None
    assert "apac" in unknown.message
