"""The API's description and its page: complete, valid, open to all, and safe to show."""

import re
from html.parser import HTMLParser
from typing import Any

from openapi_spec_validator import validate

from tests.e2e.http.http_room import HttpRoom
from transfer.core import errors
from transfer.core.errors import TransferError
from transfer.http.documentation import DESCRIPTION_PATH, PAGE_PATH, STYLE_PATH

METHODS = {"get", "head", "post", "put", "patch", "delete", "options"}


async def described(room: HttpRoom) -> dict[str, Any]:
    answer = await room.ask("GET", DESCRIPTION_PATH, who=None)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    found = answer.json()
    assert isinstance(found, dict)
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): one
        for path, of_path in document["paths"].items()
        for method, one in of_path.items()
        if method in METHODS
    }


async def test_the_description_is_valid_openapi(room: HttpRoom) -> None:
    document = await described(room)
    validate(document)
    assert document["openapi"].startswith("3.1.")


async def test_every_route_is_described_and_everything_described_is_routed(room: HttpRoom) -> None:
    document = await described(room)
    routed = set()
    for resource in room.server._runner.app.router.resources():
        for route in resource:
            if route.method != "*":
                routed.add((route.method, resource.canonical))
    told = set(operations(document))
    dispatched = {one for one in told if one[1].rpartition("/")[0].endswith("uploads")}
    dispatched |= {one for one in told if one[1].endswith("/uploads")}
    assert told - dispatched == routed - dispatched
    for method, path in dispatched:
        url = path.replace("{number}", "0003256109").replace("{id}", "nothing")
        spoken = {} if method == "GET" else {"Tus-Resumable": "1.0.0"}
        answer = await room.ask(method, url, headers=spoken)
        assert answer.status != 405, (method, path)
    for path in {path for _, path in dispatched}:
        url = path.replace("{number}", "0003256109").replace("{id}", "nothing")
        offered = await room.ask("PUT", url, headers={"Tus-Resumable": "1.0.0"})
        allowed = {one.strip() for one in offered.headers["Allow"].split(",")}
        assert allowed <= {method for method, of in told if of == path}


async def test_every_operation_has_an_id_of_its_own_and_says_what_it_does(room: HttpRoom) -> None:
    found = operations(await described(room))
    ids = [one["operationId"] for one in found.values()]
    assert len(set(ids)) == len(ids)
    for one in found.values():
        assert one["summary"]
        assert any(status < "400" for status in one["responses"])
        assert "500" in one["responses"]


async def test_every_problem_is_told_by_some_operation(room: HttpRoom) -> None:
    document = await described(room)
    told: set[str] = set()
    for one in operations(document).values():
        for response in one["responses"].values():
            problem = response.get("content", {}).get("application/problem+json")
            if problem:
                told |= set(problem["schema"]["properties"]["code"]["enum"])
    groups = {
        "refused",
        "not-found",
        "folder-not-empty",
    }  # never raised themselves, or by SFTP only
    known = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, TransferError)
    }
    without_provider = {"sign-in-failed", "identity-provider-unavailable"}
    assert known - told <= groups | without_provider, known - told - groups


async def test_what_needs_nobody_signed_in_says_so_and_is_open(room: HttpRoom) -> None:
    for (method, path), one in operations(await described(room)).items():
        url = path.replace("{number}", "0003256109")
        url = url.replace("{id}", "nothing").replace("{name}", "nothing")
        answer = await room.ask(method, url, who=None)
        is_open = answer.status != 401 or path == "/launch"
        assert is_open is (one["security"] == []), (method, path, answer.status)


async def test_the_description_is_kept_by_caches_and_asked_for_again_by_its_tag(
    room: HttpRoom,
) -> None:
    for path in (DESCRIPTION_PATH, PAGE_PATH, STYLE_PATH):
        first = await room.ask("GET", path, who=None)
        assert first.headers["Cache-Control"].startswith("public")
        again = await room.ask(
            "GET", path, who=None, headers={"If-None-Match": first.headers["ETag"]}
        )
        assert (again.status, again.body) == (304, b"")
        other = await room.ask("GET", path, who=None, headers={"If-Match": '"other"'})
        assert (other.status, other.code) == (412, "precondition-failed")


class Reader(HTMLParser):
    """What a page refers to, and what it has inline."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.tags: set[str] = set()
        self.inline: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name in ("href", "src"):
                self.links.add(value or "")
            elif name == "style" or name.startswith("on"):
                self.inline.add(name)


async def test_the_page_shows_all_of_it_and_runs_nothing(room: HttpRoom) -> None:
    document = await described(room)
    answer = await room.ask("GET", PAGE_PATH, who=None)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = answer.body.decode()
    reader = Reader()
    reader.feed(page)
    assert not reader.tags & {"script", "style", "iframe", "img"}
    assert not reader.inline
    assert not [link for link in reader.links if re.match(r"\w+:|//", link)]
    anchors = {link[1:] for link in reader.links if link.startswith("#")}
    assert anchors <= reader.ids
    for (method, path), one in operations(document).items():
        assert path in page
        assert method == "HEAD" or one["operationId"] in reader.ids
    for name in document["components"]["schemas"]:
        assert f"schema-{name}" in reader.ids
    style = await room.ask("GET", STYLE_PATH, who=None)
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert b"url(" not in style.body
    assert b"@import" not in style.body
