"""Pages of other sites: those on the list may use the API with a token, others may not at all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.http.http_room import OFFSET_TYPE, TUS, Answer, HttpRoom, http_room
from tests.engine_room import NUMBER
from transfer.http.policy import HttpPolicy

LISTED, OTHER = "https://portal.example.com", "https://evil.example"
UPLOADS = f"/api/v1/cases/{NUMBER}/uploads"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    policy = HttpPolicy(cors_origins=frozenset({LISTED}))
    async with http_room(tmp_path, policy=policy) as room:
        yield room


def cross_origin(answer: Answer) -> dict[str, str]:
    return {
        name: value
        for name, value in answer.headers.items()
        if name.lower().startswith("access-control-")
    }


def listed(answer: Answer, name: str) -> set[str]:
    return {value.strip().lower() for value in answer.headers[name].split(",")}


async def preflight(room: HttpRoom, path: str, origin: str, method: str = "PATCH") -> Answer:
    asks = {"Origin": origin, "Access-Control-Request-Method": method}
    return await room.ask("OPTIONS", path, who=None, headers=asks)


@pytest.mark.parametrize("path", [UPLOADS, "/api/v1/uploads/x", "/api/v1/files/x/content", "/no"])
async def test_a_page_on_the_list_learns_what_it_may_send(room: HttpRoom, path: str) -> None:
    answer = await preflight(room, path, LISTED)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED
    assert listed(answer, "Access-Control-Allow-Methods") >= {"post", "patch", "head", "delete"}
    assert listed(answer, "Access-Control-Allow-Headers") >= {
        "authorization",
        "content-type",
        "tus-resumable",
        "upload-length",
        "upload-offset",
        "upload-metadata",
        "upload-checksum",
        "upload-concat",
        "upload-defer-length",
        "upload-complete",
        "upload-draft-interop-version",
        "x-http-method-override",
        "x-csrf-token",
        "content-digest",
        "repr-digest",
    }
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "https://portal.example.com.evil.example",
        "http://portal.example.com",
        "https://portal.example.com:444",
        "https://PORTAL.example.com",
        "",
    ],
)
async def test_a_page_of_another_site_learns_nothing(room: HttpRoom, origin: str) -> None:
    discovery = await preflight(room, UPLOADS, origin)
    assert cross_origin(discovery) == {}
    answer = await room.ask("GET", f"/api/v1/cases/{NUMBER}", headers={"Origin": origin})
    assert (answer.status, cross_origin(answer)) == (200, {})
    assert answer.headers["Vary"] == "Origin"


async def test_a_page_on_the_list_uploads_and_reads_what_it_is_told(room: HttpRoom) -> None:
    created = await room.create(3, headers={"Origin": LISTED})
    assert created.status == 201
    assert created.headers["Access-Control-Allow-Origin"] == LISTED
    assert listed(created, "Access-Control-Expose-Headers") >= {
        "location",
        "upload-offset",
        "upload-length",
        "upload-expires",
        "upload-metadata",
        "upload-concat",
        "upload-complete",
        "upload-limit",
        "upload-draft-interop-version",
        "tus-resumable",
        "tus-version",
        "tus-extension",
        "tus-max-size",
        "repr-digest",
        "etag",
        "content-range",
        "link",
        "retry-after",
        "x-request-id",
    }
    sent = {**TUS, **OFFSET_TYPE, "Upload-Offset": "0", "Origin": LISTED}
    patched = await room.ask("PATCH", created.headers["Location"], headers=sent, data=b"abc")
    assert patched.status == 204
    assert patched.headers["Access-Control-Allow-Origin"] == LISTED


@pytest.mark.parametrize(
    ("method", "path", "who", "status"),
    [
        ("GET", f"/api/v1/cases/{NUMBER}", None, 401),
        ("GET", "/api/v1/cases/0009999999", "designated", 404),
        ("GET", "/api/v1/no-such-thing", "designated", 404),
        ("POST", UPLOADS, "designated", 400),
        ("DELETE", "/healthz", None, 405),
    ],
)
async def test_a_page_on_the_list_reads_errors_too(
    room: HttpRoom, method: str, path: str, who: str | None, status: int
) -> None:
    sent = {"Origin": LISTED, **(TUS if method == "POST" else {})}
    answer = await room.ask(method, path, who=who, headers=sent)
    assert answer.status in (status, 401)
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED


async def test_a_browser_never_sends_its_cookies_along(room: HttpRoom) -> None:
    for answer in (
        await preflight(room, UPLOADS, LISTED),
        await room.ask("GET", f"/api/v1/cases/{NUMBER}", headers={"Origin": LISTED}),
    ):
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers["Access-Control-Allow-Origin"] != "*"


async def test_discovery_stays_what_it_is_for_who_asks_no_permission(room: HttpRoom) -> None:
    answer = await room.ask("OPTIONS", UPLOADS, who=None, headers={"Origin": LISTED})
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert "Access-Control-Allow-Methods" not in answer.headers


async def test_without_a_list_nobody_is_told_anything(tmp_path: Path) -> None:
    async with http_room(tmp_path) as room:
        answer = await preflight(room, UPLOADS, LISTED)
        assert cross_origin(answer) == {}
        assert "Vary" not in answer.headers
