"""Built files: found by their entry, served as small as the browser takes them, kept for good."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from transfer.http.site import assets
from transfer.http.site.assets import AssetRoutes, Assets

Client = TestClient[web.Request, web.Application]

SCRIPT = b"let a = 1;" * 100
MANIFEST = {
    "src/site.ts": {"name": "site", "file": "assets/site-1.js", "isEntry": True, "css": ["a.css"]},
    "src/page.ts": {
        "name": "page",
        "file": "assets/page-1.js",
        "isEntry": True,
        "imports": ["_shared.js", "src/site.ts"],
        "css": ["page.css"],
    },
    "_shared.js": {"file": "assets/shared-1.js", "imports": ["src/site.ts"], "css": ["b.css"]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".vite").mkdir()
    (tmp_path / ".vite/manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/site-1.js").write_bytes(SCRIPT)
    (tmp_path / "assets/site-1.js.br").write_bytes(b"by brotli")
    (tmp_path / "assets/plain-1.js").write_bytes(SCRIPT)
    (tmp_path / "assets/tiny-1.js").write_bytes(b"1")
    (tmp_path / "assets/picture.png").write_bytes(SCRIPT)
    return tmp_path


@pytest.fixture
async def client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    built = Assets(folder)
    monkeypatch.setattr(assets, "built_assets", lambda: built)
    app = web.Application()
    app.add_routes(AssetRoutes().routes())
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        yield client


def test_an_entry_has_the_styles_of_all_that_it_imports_before_its_own(folder: Path) -> None:
    entry = Assets(folder).entry("page")
    assert (entry.script, entry.styles) == ("assets/page-1.js", ("a.css", "b.css", "page.css"))


def test_what_was_not_built_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Assets(tmp_path)


@pytest.mark.parametrize(
    ("name", "takes", "coding", "body"),
    [
        ("site-1.js", "gzip, deflate, br, zstd", "br", b"by brotli"),
        ("site-1.js", "gzip;q=1.0, br;q=0", "gzip", gzip.compress(SCRIPT, 9, mtime=0)),
        ("plain-1.js", "br, gzip", "gzip", gzip.compress(SCRIPT, 9, mtime=0)),
        ("site-1.js", "identity", None, SCRIPT),
        ("tiny-1.js", "br, gzip", None, b"1"),
        ("picture.png", "br, gzip", None, SCRIPT),
    ],
)
async def test_a_file_comes_as_small_as_its_reader_takes_it(
    client: Client, name: str, takes: str, coding: str | None, body: bytes
) -> None:
    async with client.get(f"/static/dist/assets/{name}", headers={"Accept-Encoding": takes}) as got:
        assert (got.status, await got.read()) == (200, body)
        assert got.headers.get("Content-Encoding") == coding
        assert got.headers["Vary"] == "Accept-Encoding"
        assert "immutable" in got.headers["Cache-Control"]


async def test_a_compressed_file_is_no_file_of_its_own(folder: Path) -> None:
    assert Assets(folder).file("assets/site-1.js.br") is None
    assert Assets(folder).file(".vite/manifest.json") is None
