import pytest

from transfer.core.access import Door, Principal, Role
from transfer.core.notices import Notice, must_acknowledge


def test_each_wording_has_a_version_of_its_own_that_stays() -> None:
    assert Notice().version == Notice().version
    assert Notice("Take care.").version == "ecf80bccd30e"
    assert Notice("Take care!").version != Notice("Take care.").version


def test_our_own_wording_warns_of_what_must_not_be_sent() -> None:
    for word in ("personal data", "passwords", "payment-card", "deleted", "acknowledging"):
        assert word in Notice().text


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("door", Door)
def test_customers_acknowledge_on_the_web_and_nobody_else(role: Role, door: Door) -> None:
    principal = Principal(name="somebody", role=role, door=door)
    is_customer = role in (Role.DESIGNATED, Role.READ_ONLY)
    assert must_acknowledge(principal) is (is_customer and door is Door.HTTP)
