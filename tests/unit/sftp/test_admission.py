"""Who may connect, and who may not for now."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from structlog.testing import capture_logs

from tests.clock import MovableClock
from transfer.sftp.admission import Admission, AdmissionPolicy, Seat

ADDRESS, OTHER = "192.0.2.7", "198.51.100.9"
ROOMY = AdmissionPolicy(connections=1000, per_client=1000, unsigned=1000, strangers=1000)


def admission(policy: AdmissionPolicy = ROOMY, *, chance: float = 0.999) -> Admission:
    return Admission(MovableClock(), policy, chance=lambda: chance)


def enter(door: Admission, times: int, address: str | None = ADDRESS) -> list[Seat]:
    return [seat for _ in range(times) if (seat := door.enter(address)) is not None]


def test_there_is_an_end_to_connections_and_room_again_after_one_has_left() -> None:
    door = admission(replace(ROOMY, connections=3))
    seats = enter(door, 5)
    assert len(seats) == 3
    seats[0].leave()
    seats[0].leave()
    assert len(enter(door, 5, OTHER)) == 1


def test_one_client_leaves_room_for_others() -> None:
    door = admission(replace(ROOMY, per_client=2))
    assert len(enter(door, 5)) == 2
    assert len(enter(door, 5, OTHER)) == 2
    assert len(enter(door, 5, None)) == 2


def test_a_client_of_ipv6_is_its_network() -> None:
    door = admission(replace(ROOMY, per_client=2))
    assert len([door.enter(f"2001:db8:1:2::{n}") for n in range(2)]) == 2
    assert door.enter("2001:db8:1:2:ffff::1") is None
    assert door.enter("2001:db8:1:3::1") is not None


def test_who_is_banned_does_not_come_in() -> None:
    door = Admission(MovableClock(), is_banned=lambda address: address == ADDRESS)
    assert door.enter(ADDRESS) is None
    assert door.enter(OTHER) is not None


def test_from_half_of_the_room_on_strangers_are_shed_and_more_of_them_with_each() -> None:
    taken = {
        chance: len(enter(admission(replace(ROOMY, unsigned=100), chance=chance), 200))
        for chance in (0.0, 0.29, 0.64, 0.999)
    }
    assert taken == {0.0: 50, 0.29: 50, 0.64: 75, 0.999: 100}


def test_who_has_signed_in_takes_no_room_from_who_has_not() -> None:
    door = admission(replace(ROOMY, unsigned=100), chance=0.0)
    for seat in enter(door, 50):
        door.sign_in(seat)
        door.sign_in(seat)
    assert door.unsigned == 0
    seats = enter(door, 60, OTHER)
    assert len(seats) == 50
    seats[0].leave()
    door.sign_in(seats[0])
    assert door.unsigned == 49


def test_a_client_that_only_knocks_is_refused_until_time_has_passed() -> None:
    clock = MovableClock()
    policy = replace(ROOMY, strangers=10, strangers_per_second=2.0)
    door = Admission(clock, policy, chance=lambda: 0.999)
    for _ in range(10):
        enter(door, 1)[0].leave()
    assert enter(door, 1) == []
    assert len(enter(door, 1, OTHER)) == 1
    clock.advance(1)
    assert len(enter(door, 1)) == 1


def test_who_knocks_through_a_load_balancer_is_not_told_from_others_there() -> None:
    policy = replace(ROOMY, strangers=10, trusted=[ip_network("192.0.2.0/24")])
    door = admission(policy)
    for address in ("192.0.2.9", "2001:db8::9"):
        for _ in range(10):
            enter(door, 1, address)[0].leave()
    assert len(enter(door, 1, "192.0.2.9")) == 1
    assert enter(door, 1, "2001:db8::9") == []
    assert len(enter(door, 1, "elsewhere")) == 1


def test_a_client_that_signs_in_may_knock_again() -> None:
    door = admission(replace(ROOMY, strangers=3))
    for _ in range(10):
        knocked, signed_in = enter(door, 2)
        knocked.leave()
        door.sign_in(signed_in)
        signed_in.leave()


def test_clients_that_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer.sftp.admission._MOST_CLIENTS", 5)
    clock = MovableClock()
    door = Admission(clock, ROOMY, chance=lambda: 0.999)
    [staying] = enter(door, 1, OTHER)
    for n in range(20):
        clock.advance(1)
        enter(door, 1, f"192.0.2.{n}")[0].leave()
        assert len(door._clients) <= 6
    [seat] = enter(door, 1)
    door.sign_in(seat)
    seat.leave()
    assert ADDRESS not in door._clients
    staying.leave()


def test_refusals_are_logged_together_now_and_then() -> None:
    clock = MovableClock()
    door = Admission(clock, is_banned=lambda _: True)
    with capture_logs() as logs:
        for _ in range(3):
            door.enter(ADDRESS)
        clock.advance(10)
        door.enter(ADDRESS)
    told = [one for one in logs if one["event"] == "sftp.connections-refused"]
    assert [one["banned"] for one in told] == [1, 3]
