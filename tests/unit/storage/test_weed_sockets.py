from pathlib import Path

from transfer.storage.weed_sockets import is_barred, remove_leftovers


def left_behind(folder: Path, port: int, role: str = "filer") -> Path:
    socket = folder / f"seaweedfs-{role}-grpc-{port}.sock"
    socket.touch()
    return socket


def test_what_an_ended_server_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    socket = left_behind(tmp_path, 25001)
    assert not is_barred(25001, tmp_path)
    assert not socket.exists()


def test_what_cannot_be_removed_bars_the_port(tmp_path: Path) -> None:
    socket = tmp_path / "seaweedfs-volume-grpc-25001.sock"
    socket.mkdir()  # not to be unlinked, whoever the test runs as
    assert is_barred(25001, tmp_path)
    assert not is_barred(25002, tmp_path)


def test_only_the_sockets_of_the_given_ports_are_removed(tmp_path: Path) -> None:
    ours = [left_behind(tmp_path, 25001), left_behind(tmp_path, 25002, "admin")]
    others = left_behind(tmp_path, 25003)
    remove_leftovers([25001, 25002], tmp_path)
    assert not any(socket.exists() for socket in ours)
    assert others.exists()
