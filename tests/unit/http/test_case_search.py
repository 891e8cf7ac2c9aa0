"""What a request looks for, by who asks."""

import pytest

from transfer.core.access import Door, Principal, Role
from transfer.core.cases import CaseNumber
from transfer.http.case_search import asked_search

NUMBERS = frozenset({CaseNumber("0003256109")})


@pytest.mark.parametrize("role", Role)
def test_only_customer_care_is_shown_what_the_core_told_last(role: Role) -> None:
    principal = Principal(name="eve", role=role, door=Door.HTTP, cases=NUMBERS)
    wanted = asked_search({}, principal)
    assert wanted.numbers == NUMBERS
    assert wanted.as_visited is (role in (Role.DESIGNATED, Role.READ_ONLY))
