"""Public keys as people paste them: read, or refused with what is wanted instead."""

import asyncssh
import pytest
from asyncssh import SSHKey

from transfer.core.accounts import MOST_KEYS
from transfer.core.errors import InvalidRequestError
from transfer.core.public_keys import key_of_line
from transfer.engine.public_keys import keys_in, read_public_key, read_public_keys

GOOD = {
    "ssh-ed25519": {},
    "ecdsa-sha2-nistp256": {},
    "ecdsa-sha2-nistp521": {},
    "ssh-rsa": {"key_size": 2048},
}


@pytest.fixture(scope="module", params=GOOD)
def key(request: pytest.FixtureRequest) -> SSHKey:
    return asyncssh.generate_private_key(request.param, comment="ada@laptop", **GOOD[request.param])


@pytest.fixture(scope="module")
def ed25519() -> SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519", comment="ada@laptop")


def line_of(key: SSHKey) -> str:
    return key.export_public_key("openssh").decode().strip()


def test_a_key_is_what_ssh_sends_of_it(key: SSHKey) -> None:
    read = read_public_key(f"  {line_of(key)}\r\n")
    assert read.blob == key.public_data
    assert read.algorithm == key.get_algorithm()
    assert read.fingerprint == key.get_fingerprint("sha256")
    assert read.comment == "ada@laptop"
    assert key_of_line(read.line) == read


def test_a_file_of_puttygen_is_a_key_too(key: SSHKey) -> None:
    text = key.export_public_key("rfc4716").decode()
    assert text.startswith("---- BEGIN SSH2 PUBLIC KEY ----")
    read = read_public_key(text)
    assert (read.blob, read.comment) == (key.public_data, "ada@laptop")


def test_long_headers_of_such_a_file_are_no_key(ed25519: SSHKey) -> None:
    lines = ed25519.export_public_key("rfc4716").decode().splitlines()
    lines[1:2] = ["Subject: a \\", "long one \\", "AAAA", "Comment: theirs"]
    read = read_public_key("\n".join(lines))
    assert (read.blob, read.comment) == (ed25519.public_data, "theirs")


def test_a_key_needs_no_comment_and_a_bad_one_is_left_out(ed25519: SSHKey) -> None:
    algorithm, blob, _ = line_of(ed25519).split()
    bare = read_public_key(f"{algorithm} {blob}")
    assert (bare.comment, bare.line) == ("", f"{algorithm} {blob}")
    assert key_of_line(bare.line) == bare
    assert read_public_key(f"{algorithm} {blob} a\x1b[0m").comment == ""
    assert len(read_public_key(f"{algorithm} {blob} {'x' * 500}").comment) == 100


def test_a_private_key_is_refused_with_a_warning(ed25519: SSHKey) -> None:
    for text in (
        ed25519.export_private_key("openssh").decode(),
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none",
    ):
        with pytest.raises(InvalidRequestError, match="private key"):
            read_public_key(text)


def _wrong_keys() -> dict[str, str]:
    good = line_of(asyncssh.generate_private_key("ssh-ed25519"))
    algorithm, blob = good.split()
    certificate = (
        asyncssh.generate_private_key("ssh-ed25519")
        .generate_user_certificate(asyncssh.generate_private_key("ssh-ed25519"), "ada")
        .export_certificate("openssh")
    )
    return {
        "nothing": "",
        "a path": "/etc/passwd",
        "another path": "ssh-ed25519 ../../etc/passwd",
        "options before it": f'command="/bin/sh" {good}',
        "no Base64": "ssh-ed25519 AAAA!",
        "cut short": f"{algorithm} {blob[:-8]}",
        "of another kind than it says": f"ssh-rsa {blob}",
        "two at once": f"{good}\n{good}",
        "too long": f"{algorithm} {blob} {'x' * 20_000}",
        "a weak one": line_of(asyncssh.generate_private_key("ssh-rsa", key_size=1024)),
        "DSA": "ssh-dss AAAAB3NzaC1kc3MAAACBAP",
        "a certificate": certificate.decode(),
        "a file of PuTTYgen's with no Base64": "---- BEGIN SSH2 PUBLIC KEY ----\n!!!!",
        "one with no algorithm": "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB/////////8=",
        "NUL": "ssh-ed25519 \x00",
        "beyond ASCII": "ssh-ed25519 ÄÖÜ",
    }


@pytest.mark.parametrize("wrong", sorted(_wrong_keys()))
def test_what_may_sign_nobody_in_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidRequestError, match="ssh-ed25519 AAAA"):
        read_public_key(_wrong_keys()[wrong])


def test_the_same_key_twice_is_one_and_too_many_are_refused() -> None:
    lines = [line_of(asyncssh.generate_private_key("ssh-ed25519")) for _ in range(MOST_KEYS)]
    assert len(read_public_keys([*lines, f"{lines[0]} again"])) == MOST_KEYS
    one_more = line_of(asyncssh.generate_private_key("ssh-ed25519"))
    with pytest.raises(InvalidRequestError, match="at most"):
        read_public_keys([*lines, one_more])


def test_keys_are_found_in_what_was_pasted(ed25519: SSHKey) -> None:
    line = line_of(ed25519)
    block = ed25519.export_public_key("rfc4716").decode()
    text = f"# of the night shift\n\n{line}\r\n{block}\n  {line}\n"
    assert [read_public_key(key).blob for key in keys_in(text)] == [ed25519.public_data] * 3
    assert keys_in(" \n# none\n") == []
