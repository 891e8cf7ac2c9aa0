"""The embedded store's folder: credentials, ports, lock."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from transfer.storage.data_folder import (
    GRPC_OFFSET,
    PORT_NAMES,
    DataFolder,
    EmbeddedStoreError,
    free_ports,
    pair_is_free,
)
from transfer.storage.weed import weed_arguments, weed_program


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "new" / "data")
    folder.prepare()
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        yield


# ── Ports ────────────────────────────────────────────────────────────────────────────────────


def test_ports_are_free_together_with_their_second_ones() -> None:
    busy = {100, 102 + GRPC_OFFSET}
    ports = free_ports(2, range(100, 110), lambda port: not {port, port + GRPC_OFFSET} & busy)
    assert ports == [101, 103]


def test_too_few_free_ports_are_an_error() -> None:
    with pytest.raises(EmbeddedStoreError, match="free ports"):
        free_ports(2, range(100, 110), lambda port: port == 105)


@pytest.mark.parametrize("offset", [0, GRPC_OFFSET])
def test_a_pair_is_taken_if_either_port_is(offset: int) -> None:
    (port,) = free_ports(1)
    assert pair_is_free(port)
    with taken(port + offset):
        assert not pair_is_free(port)


def test_the_ports_stay_the_same(folder: DataFolder) -> None:
    ports = folder.ports()
    assert sorted(ports) == sorted(PORT_NAMES)
    assert len(set(ports.values())) == len(PORT_NAMES)
    assert folder.ports() == ports
    assert folder.fresh_ports() != ports


@pytest.mark.parametrize("offset", [0, GRPC_OFFSET])
def test_ports_that_were_taken_meanwhile_are_replaced(folder: DataFolder, offset: int) -> None:
    ports = folder.ports()
    with taken(ports["filer"] + offset):
        assert folder.ports() != ports


@pytest.mark.parametrize("kept", ["", "[]", '{"master": 20000}', '{"master": "x"}', "null"])
def test_a_damaged_file_of_ports_is_replaced(folder: DataFolder, kept: str) -> None:
    path = folder.path / "ports.json"
    path.write_text(kept)
    ports = folder.ports()
    assert sorted(ports) == sorted(PORT_NAMES)
    assert json.loads(path.read_text()) == ports


# ── Credentials ──────────────────────────────────────────────────────────────────────────────


def test_credentials_are_made_once_and_kept(folder: DataFolder) -> None:
    access_key, secret_key = folder.credentials()
    assert (access_key, secret_key) == DataFolder(folder.path).credentials()
    assert len(secret_key) >= 32
    assert mode(folder.identity_path) == 0o600
    assert mode(folder.path) == 0o700


def test_two_folders_have_different_credentials(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder(tmp_path / "other")
    other.prepare()
    mine, theirs = folder.credentials(), other.credentials()
    assert mine[0] != theirs[0]
    assert mine[1] != theirs[1]


@pytest.mark.parametrize("content", ["", "{}", '{"identities": []}', "not json"])
def test_damaged_credentials_are_not_replaced_in_silence(folder: DataFolder, content: str) -> None:
    folder.identity_path.write_text(content)
    with pytest.raises(EmbeddedStoreError, match=r"identity\.json is damaged"):
        folder.credentials()
    assert folder.identity_path.read_text() == content


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir(mode=0o755)
    DataFolder(path).prepare()
    assert mode(path) == 0o700


# ── Lock, log, program ───────────────────────────────────────────────────────────────────────


def test_a_folder_has_one_holder_at_a_time(folder: DataFolder) -> None:
    held = folder.lock()
    assert held is not None
    assert DataFolder(folder.path).lock() is None
    assert folder.holder() == str(os.getpid())
    os.close(held)
    again = folder.lock()
    assert again is not None
    os.close(again)


def test_whoever_inherits_the_lock_holds_it(folder: DataFolder) -> None:
    held = folder.lock()
    assert held is not None
    inherited = os.dup(held)
    os.close(held)
    assert folder.lock() is None
    os.close(inherited)


def test_of_a_log_the_errors_are_told(folder: DataFolder) -> None:
    assert folder.last_log_lines() == ""
    folder.log_path.write_text("starting\nE1121 20:00:00.1 x.go:1] no room\nready\ngoroutine 1\n")
    assert folder.last_log_lines() == "E1121 20:00:00.1 x.go:1] no room"


def test_of_a_log_without_errors_the_end_is_told(folder: DataFolder) -> None:
    folder.log_path.write_bytes(b"one\ntwo\n\xff\n")
    assert folder.last_log_lines(2) == "two\n\N{REPLACEMENT CHARACTER}"


def test_without_the_wheel_it_is_said_what_to_install() -> None:
    with pytest.raises(EmbeddedStoreError, match=r"case-transfer\[embedded\]"):
        weed_program("no-such-distribution")


def test_a_wheel_without_its_program_is_an_error() -> None:
    with pytest.raises(EmbeddedStoreError, match="pytest is installed without its program"):
        weed_program("pytest")


def test_what_is_deleted_does_not_wait_for_a_third_of_a_volume_to_be_garbage(
    folder: DataFolder,
) -> None:
    arguments = weed_arguments(folder, {"master": 9333})
    assert "-master.garbageThreshold=0.05" in arguments
    assert arguments.index("mini") < arguments.index("-master.garbageThreshold=0.05")
