"""The folder of a service."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import environment
from transfer.folder import SERVICE, FolderInUseError, ServiceFolder
from transfer.settings import SettingsError, load


@pytest.fixture
def folder(tmp_path: Path) -> ServiceFolder:
    folder = ServiceFolder(tmp_path / "data")
    folder.prepare()
    return folder


def test_it_is_for_its_owner_alone(folder: ServiceFolder) -> None:
    folder.sealing_key(load())
    folder.announce(SERVICE, {"pid": 1})
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.path.iterdir())


def test_one_service_at_a_time_is_on_it(folder: ServiceFolder) -> None:
    assert not folder.is_served()
    with folder.lock():
        assert folder.is_served()
        with pytest.raises(FolderInUseError, match="stop it first"), folder.lock():
            pytest.fail("two at once")
        assert folder.is_served()
    assert not folder.is_served()


def test_a_lock_ends_with_its_process(folder: ServiceFolder) -> None:
    script = (
        "import sys, time; from pathlib import Path; from transfer.folder import ServiceFolder\n"
        "with ServiceFolder(Path(sys.argv[1])).lock(): print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(folder.path)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "locked\n"
            with pytest.raises(FolderInUseError, match=str(holder.pid)), folder.lock():
                pytest.fail("two at once")
        finally:
            holder.kill()
    with folder.lock():
        assert folder.is_served()


def test_the_sealing_key_is_made_once(folder: ServiceFolder) -> None:
    key = folder.sealing_key(load())
    assert len(key) == 32
    assert ServiceFolder(folder.path).sealing_key(load()) == key


def test_the_operators_sealing_key_wins(folder: ServiceFolder, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(bytes(range(32)))
    assert folder.sealing_key(load(sealing_key_file=file)) == bytes(range(32))


@pytest.mark.parametrize("content", [None, b"", b"x" * 31, b"x" * 33])
def test_what_is_no_sealing_key_is_a_fault(
    folder: ServiceFolder, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="TRANSFER_SEALING_KEY_FILE: expected"):
        folder.sealing_key(load(sealing_key_file=file))


def test_an_announcement_is_there_until_it_is_withdrawn(folder: ServiceFolder) -> None:
    assert folder.announced(SERVICE) is None
    folder.announce(SERVICE, {"pid": 1})
    folder.announce(SERVICE, {"pid": 2})
    assert folder.announced(SERVICE) == {"pid": 2}
    folder.withdraw(SERVICE)
    assert folder.announced(SERVICE) is None
    folder.withdraw(SERVICE)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_announcement_is_none(folder: ServiceFolder, content: bytes) -> None:
    (folder.path / "service.json").write_bytes(content)
    assert folder.announced(SERVICE) is None
