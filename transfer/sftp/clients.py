"""What an OPEN tells of the client that sends it, where the protocol itself has no word for it."""

import re
import stat

from asyncssh import FXF_CREAT, FXF_READ, FXF_TRUNC, FXF_WRITE, SFTPAttrs

_OPENSSH = re.compile(r"SSH-[\d.]+-OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)")
_PUT = FXF_WRITE | FXF_CREAT | FXF_TRUNC
_ASKS_FOR_LIMITS = (8, 5)
"""The OpenSSH from which on `sftp` asks for the limits, and sends the largest blocks in them."""

_LARGE_BLOCK_BYTES = 255 * 1024
_SMALL_BLOCK_BYTES = 32 * 1024


def stoppable_block(client_version: str, flags: int, attributes: SFTPAttrs) -> int | None:
    """Return the size of the blocks in which OpenSSH's `put` sends, None for any other OPEN.

    Stopped by Ctrl-C it sends no more blocks, and closes the file as if that were all of it. So a
    file that ends amid a block is whole, and one that ends with a block may not be.
    """
    found = _OPENSSH.match(client_version)
    if found is None or flags != _PUT or attributes.size is not None:
        return None
    if attributes.permissions is None or stat.S_IFMT(attributes.permissions):
        return None  # lftp, sshfs and others that speak SFTP through OpenSSH's ssh
    version = (int(found[1]), int(found[2]))
    return _LARGE_BLOCK_BYTES if version >= _ASKS_FOR_LIMITS else _SMALL_BLOCK_BYTES


def is_edited(client_version: str, flags: int, attributes: SFTPAttrs) -> bool:
    """Whether a file is opened to be worked on in place, as in a file system that is mounted.

    What such a client leaves out is meant to be zeros; of any other, it has yet to come.
    """
    if flags & FXF_READ:
        return True
    is_sshfs = stat.S_ISREG(attributes.permissions or 0)
    return is_sshfs and _OPENSSH.match(client_version) is not None
