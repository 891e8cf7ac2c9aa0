"""Waiting for another process's lock, as SQLite asks for it."""

import itertools

from transfer.records.patience import Patience


def test_somebody_without_patience_waits_for_nobody() -> None:
    assert not Patience(0)(0)


def test_it_ends_and_begins_anew_with_the_next_lock() -> None:
    patience = Patience(0.01)
    for _ in range(2):
        tries = list(itertools.islice(itertools.takewhile(patience, itertools.count()), 10_000))
        assert 1 <= len(tries) < 10_000


def test_another_time_is_for_a_while() -> None:
    patience = Patience(60)
    with patience.of(0):
        assert not patience(0)
    assert patience(0)
