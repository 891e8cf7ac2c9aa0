"""Secrets: long enough, sealed for one row, and never opened by another key."""

import math

import pytest

from transfer.engine.secrets import Sealer, new_id, new_password, new_username, secret_hash

KEY = bytes(range(32))


def test_a_password_has_at_least_128_bits() -> None:
    password = new_password()
    assert len(password) * math.log2(55) >= 128
    assert new_password() != password


def test_ids_and_user_names_are_never_the_same() -> None:
    assert len({new_id() for _ in range(100)}) == 100
    assert len({new_username("0003256109") for _ in range(100)}) == 100
    assert new_username("0003256109").startswith("c0003256109-")


def test_what_was_sealed_is_opened_for_its_row_only() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal("secret", "row-1")
    assert b"secret" not in sealed
    assert sealer.open(sealed, "row-1") == "secret"
    assert sealer.open(sealed, "row-2") is None
    assert sealer.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "row-1") is None


def test_another_key_opens_nothing() -> None:
    assert Sealer(bytes(32)).open(Sealer(KEY).seal("secret", "row"), "row") is None


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"short")


def test_hashes_tell_secrets_apart() -> None:
    assert secret_hash("a") == secret_hash("a") != secret_hash("b")
