"""Become a command that dies with its parent: `python leash.py PARENT-PID COMMAND ARGUMENT…`.

Run as a script, by itself: it knows nothing of the package. What it becomes is killed by the kernel
when the thread that started it ends, however that happens, kill -9 included.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent_pid: int, command: list[str]) -> None:
    """Tie this process to its parent, then replace it by `command`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent_pid:
        sys.exit("The parent ended before its child began.")
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted, and the caller names the file


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
