import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import pytest

from transfer.sftp.hostkeys import HostKeyError, load_host_keys


def test_keys_are_made_once_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = load_host_keys(folder)
    assert load_host_keys(folder).fingerprints == made.fingerprints
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == ["ssh_host_ed25519_key", "ssh_host_rsa_key"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_fingerprints_and_public_keys_are_written_as_clients_show_them(tmp_path: Path) -> None:
    keys = load_host_keys(tmp_path)
    for fingerprint, line in zip(keys.fingerprints, keys.public_lines, strict=True):
        assert fingerprint.startswith("SHA256:")
        assert asyncssh.import_public_key(line).get_fingerprint() == fingerprint
    assert [line.split()[0] for line in keys.public_lines] == ["ssh-ed25519", "ssh-rsa"]


def test_no_key_signs_with_sha1(tmp_path: Path) -> None:
    pairs = load_host_keys(tmp_path).pairs()
    offered = [b"ssh-ed25519", b"rsa-sha2-512", b"rsa-sha2-256"]
    assert [list(pair.host_key_algorithms) for pair in pairs] == [[one] for one in offered]


def test_each_signature_algorithm_has_a_key_object_of_its_own(tmp_path: Path) -> None:
    """asyncssh would else change the one object for whichever client came last."""
    for pair in load_host_keys(tmp_path).pairs():
        [algorithm] = pair.host_key_algorithms
        assert pair.algorithm == pair.sig_algorithm == algorithm


def test_a_key_that_the_operator_put_there_is_used_alone(tmp_path: Path) -> None:
    own = asyncssh.generate_private_key("ssh-ed25519")
    own.write_private_key(tmp_path / "ssh_host_ed25519_key")
    assert load_host_keys(tmp_path).fingerprints == [own.get_fingerprint()]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_first_start_that_dies_between_the_two_keys_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def dying(algorithm: str, key_size: int = 0) -> asyncssh.SSHKey:
        made.append(algorithm)
        if len(made) == 2:
            raise KeyboardInterrupt
        return generate(algorithm, key_size=key_size)

    generate = asyncssh.generate_private_key
    with monkeypatch.context() as patch:
        patch.setattr(asyncssh, "generate_private_key", dying)
        with pytest.raises(KeyboardInterrupt):
            load_host_keys(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.glob("ssh_host_*")}
    assert len(first) == 1
    keys = load_host_keys(tmp_path)
    assert [line.split()[0] for line in keys.public_lines] == ["ssh-ed25519", "ssh-rsa"]
    assert all((tmp_path / name).read_bytes() == content for name, content in first.items())
    assert load_host_keys(tmp_path).fingerprints == keys.fingerprints
    assert len(list(tmp_path.iterdir())) == 2


def test_processes_that_start_together_have_the_same_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(load_host_keys, [tmp_path / "keys"] * 4))
    again = load_host_keys(tmp_path / "keys")
    assert all(one.fingerprints == again.fingerprints for one in found)
    assert len(list((tmp_path / "keys").iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ssh_host_ed25519_key"
    path.write_bytes(content)
    with pytest.raises(HostKeyError, match="ssh_host_ed25519_key"):
        load_host_keys(tmp_path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HostKeyError, match="can't be kept"):
        load_host_keys(tmp_path / "file" / "keys")
