import stat

import pytest
from asyncssh import FXF_APPEND, FXF_CREAT, FXF_READ, FXF_TRUNC, FXF_WRITE, SFTPAttrs

from transfer.sftp import clients

PUT = FXF_WRITE | FXF_CREAT | FXF_TRUNC
OPENSSH = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10"
MODE = SFTPAttrs(permissions=0o644)


@pytest.mark.parametrize(
    ("client", "flags", "attributes", "block"),
    [
        (OPENSSH, PUT, MODE, 255 * 1024),
        (OPENSSH, PUT, SFTPAttrs(permissions=0o644, atime=1, mtime=1), 255 * 1024),
        ("SSH-2.0-OpenSSH_8.5", PUT, MODE, 255 * 1024),
        ("SSH-2.0-OpenSSH_8.4p1 Debian-5", PUT, MODE, 32 * 1024),
        ("SSH-2.0-OpenSSH_10.0", PUT, MODE, 255 * 1024),
        ("SSH-2.0-OpenSSH_for_Windows_8.1", PUT, MODE, 32 * 1024),
        ("SSH-2.0-OpenSSH_for_Windows_9.5", PUT, MODE, 255 * 1024),
        (OPENSSH, PUT | FXF_APPEND, MODE, None),
        (OPENSSH, FXF_WRITE | FXF_CREAT, MODE, None),
        (OPENSSH, PUT, SFTPAttrs(), None),
        (OPENSSH, PUT, SFTPAttrs(permissions=0o644, size=10), None),
        (OPENSSH, PUT, SFTPAttrs(permissions=stat.S_IFREG | 0o644), None),
        ("SSH-2.0-PuTTY_Release_0.83", PUT, MODE, None),
        ("SSH-2.0-paramiko_4.0.0", PUT, MODE, None),
        ("", PUT, MODE, None),
    ],
)
def test_only_a_put_by_openssh_closes_what_it_was_stopped_in(
    client: str, flags: int, attributes: SFTPAttrs, block: int | None
) -> None:
    assert clients.stoppable_block(client, flags, attributes) == block


@pytest.mark.parametrize(
    ("client", "flags", "attributes", "is_edited"),
    [
        (OPENSSH, FXF_READ | FXF_WRITE, SFTPAttrs(), True),
        ("", FXF_READ | FXF_WRITE | FXF_CREAT, SFTPAttrs(), True),
        (OPENSSH, PUT, SFTPAttrs(permissions=stat.S_IFREG | 0o644), True),
        ("SSH-2.0-libssh2_1.10.0", PUT, SFTPAttrs(permissions=stat.S_IFREG | 0o644), False),
        (OPENSSH, PUT, MODE, False),
        (OPENSSH, PUT, SFTPAttrs(), False),
    ],
)
def test_mounted_file_systems_and_who_reads_too_work_in_place(
    client: str, flags: int, attributes: SFTPAttrs, *, is_edited: bool
) -> None:
    assert clients.is_edited(client, flags, attributes) == is_edited
