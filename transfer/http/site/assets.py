"""The built scripts and styles: found by their entry's name, served from memory, kept for good.

Their names carry a digest of their content, so a browser never has to ask again.
"""

import gzip
import json
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from aiohttp import hdrs, web

from transfer.core.errors import EntryMissingError
from transfer.http.operations import BYTES, Tag, gives, operation
from transfer.http.protection import CONTENT_SECURITY_POLICY

ASSETS_PATH = "/static/dist/"
_CACHE = "public, max-age=31536000, immutable"
_WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
"""A worker has the policy of its own script: it hashes by WebAssembly, and asks nobody."""

_COMPRESSED = (".css", ".js", ".json", ".svg", ".wasm")
_LEVEL = 9
_BROTLI = ".br"
"""What the build puts beside a file."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A built file, and the same in encodings that make it smaller, the smallest first."""

    body: bytes
    media: str
    encoded: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a page needs of one entry: paths below `ASSETS_PATH`."""

    script: str
    styles: tuple[str, ...]


class Assets:
    """All that was built; read once."""

    def __init__(self, folder: Traversable) -> None:
        """Read what `folder` holds.

        Raises:
            FileNotFoundError: it wasn't built: install the package again.
        """
        manifest: dict[str, Any] = json.loads(folder.joinpath(".vite/manifest.json").read_bytes())
        self._manifest = manifest
        self._entries = {one["name"]: key for key, one in manifest.items() if one.get("isEntry")}
        found = dict(_walk(folder))
        self._files = {
            name: _asset(name, body, found.get(name + _BROTLI))
            for name, body in found.items()
            if not name.endswith(_BROTLI)
        }

    def entry(self, name: str) -> Entry:
        """Return what the entry `name` needs; its styles with those of all that it imports."""
        key = self._entries[name]
        styles = dict.fromkeys(
            style
            for one in self._with_imports(key, set())
            for style in self._manifest[one].get("css", ())
        )
        return Entry(script=self._manifest[key]["file"], styles=tuple(styles))

    def file(self, name: str) -> Asset | None:
        """Return a built file; None if there is no such."""
        return self._files.get(name)

    def _with_imports(self, key: str, seen: set[str]) -> Iterator[str]:
        if key in seen:
            return
        seen.add(key)
        for imported in self._manifest[key].get("imports", ()):
            yield from self._with_imports(imported, seen)
        yield key


@cache
def built_assets() -> Assets:
    """Return those that came with the package."""
    return Assets(files("transfer.http").joinpath("static", "dist"))


class AssetRoutes:
    """Serves them to anybody: they are the same for all."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(f"{ASSETS_PATH}{{name:.+}}", self.show)]

    @operation(
        "Give a built script or style",
        tag=Tag.PAGES,
        gives=gives(200, media=BYTES, text="The file; it never changes under this name."),
        errors=(EntryMissingError,),
        public=True,
    )
    async def show(self, request: web.Request) -> web.Response:
        """Give a built script or style."""
        name = request.match_info["name"]
        found = built_assets().file(name)
        if found is None:
            raise EntryMissingError("No such file: load the page again.")
        headers: dict[str, str] = {hdrs.CACHE_CONTROL: _CACHE, hdrs.VARY: hdrs.ACCEPT_ENCODING}
        body = found.body
        encoding = next((one for one in found.encoded if one in _taken(request)), None)
        if encoding is not None:
            headers[hdrs.CONTENT_ENCODING] = encoding
            body = found.encoded[encoding]
        if name.endswith(".js"):
            headers[CONTENT_SECURITY_POLICY] = _WORKER_POLICY
        charset = "utf-8" if found.media.startswith("text/") else None
        return web.Response(body=body, content_type=found.media, charset=charset, headers=headers)


def _taken(request: web.Request) -> set[str]:
    """Return the encodings that the client names; one that it names to refuse it isn't of them."""
    named = request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().replace(" ", "").split(",")
    weighed = [one.partition(";q=") for one in named]
    return {name for name, _, weight in weighed if weight.strip("0.") or not weight}


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for one in folder.iterdir():
        if one.is_dir() and not one.name.startswith("."):
            yield from _walk(one, f"{prefix}{one.name}/")
        elif one.is_file():
            yield prefix + one.name, one.read_bytes()


def _asset(name: str, body: bytes, brotli: bytes | None) -> Asset:
    media = mimetypes.guess_type(name)[0] or BYTES
    encoded = {} if brotli is None else {"br": brotli}
    if name.endswith(_COMPRESSED):
        encoded["gzip"] = gzip.compress(body, _LEVEL, mtime=0)
    smaller = {encoding: data for encoding, data in encoded.items() if len(data) < len(body)}
    return Asset(body, media, smaller)
