"""How slow a sender may be: only the time that it is waited for counts."""

from datetime import timedelta

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from transfer.http.bodies import Pace
from transfer.http.policy import HttpPolicy

POLICY = HttpPolicy(min_bytes_per_second=1000, rate_grace=timedelta(seconds=10))


def test_a_sender_at_the_least_rate_goes_on() -> None:
    pace = Pace(POLICY)
    for _ in range(100):
        pace.received(1000)
        pace.waited(1)


def test_a_sender_below_it_is_ended_after_the_grace() -> None:
    pace = Pace(POLICY)
    for _ in range(9):
        pace.received(999)
        pace.waited(1)
    pace.received(999)
    with pytest.raises(web.HTTPRequestTimeout):
        pace.waited(1)


def test_a_fast_beginning_excuses_no_crawl() -> None:
    pace = Pace(POLICY)
    pace.received(1 << 30)
    pace.waited(10)
    pace.received(10)
    with pytest.raises(web.HTTPRequestTimeout):
        pace.waited(10)


@given(st.lists(st.integers(min_value=1, max_value=1 << 20)))
def test_who_is_never_waited_for_is_never_slow(sizes: list[int]) -> None:
    pace = Pace(POLICY)
    for size in sizes:
        pace.received(size)
        pace.waited(0)
