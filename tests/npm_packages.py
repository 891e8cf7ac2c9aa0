"""npm packages that tests run: installed once for each version of what asks for them."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.programs import program

_INSTALL_SECONDS = 300.0


def installed(cache: Path, *files: Path) -> Path:
    """Return a folder with `files` (a package.json, and scripts) and the packages it names.

    Whoever comes second at the same time throws away what it has installed.
    """
    node, npm = program("node"), program("npm")
    version = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = cache / version
    if folder.exists():
        return folder
    made = Path(tempfile.mkdtemp(dir=cache))
    for file in files:
        shutil.copy(file, made)
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    done = subprocess.run(  # noqa: S603 - npm, with the registry and proxies of its caller
        [npm, "install", "--prefix", str(made), *quiet],
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"npm install, by {node}: {done.stderr}"
    try:
        made.rename(folder)
    except OSError:
        assert folder.exists()
        shutil.rmtree(made)
    return folder
