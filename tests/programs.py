"""Real clients that the machine may lack."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return the path of a client. A laptop may lack it; where CI runs, it has to be there."""
    path = shutil.which(name)
    if path is not None:
        return path
    if os.environ.get("CI") == "true":  # noqa: TID251 - only CI can tell that it is CI
        pytest.fail(f"{name} isn't installed: run .ci/install-clients")
    pytest.skip(f"{name} isn't installed")
