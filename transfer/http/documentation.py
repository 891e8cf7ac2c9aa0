"""The API, described: as OpenAPI for programs, and as a page of the same for people. Public."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, select_autoescape

from transfer.http.conditions import decide, strong_etag
from transfer.http.description import PROBLEM_TYPE, describe
from transfer.http.errors import ANSWERS
from transfer.http.operations import HTML, JSON, Tag, gives, operation
from transfer.http.policy import Services, public_path
from transfer.http.protection import CONTENT_SECURITY_POLICY

DESCRIPTION_PATH = "/api/v1/openapi.json"
PAGE_PATH = "/docs/api"
STYLE_PATH = "/static/api.css"
DOCUMENTATION_PATHS = frozenset({DESCRIPTION_PATH, PAGE_PATH, STYLE_PATH})

_CSS = "text/css"
_CACHE = "public, max-age=300"
_POLICY = (
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_CACHED = {"ETag": "Of this version.", "Cache-Control": "Anybody may keep it for a while."}


@dataclass(frozen=True, slots=True)
class _Document:
    body: bytes
    media: str
    etag: str


class DocumentationRoutes:
    """The description and its page; made at the first request, the same from then on."""

    def __init__(self, services: Services) -> None:
        self._policy = services.policy
        self._made: dict[str, _Document] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(DESCRIPTION_PATH, self.description),
            web.get(PAGE_PATH, self.page),
            web.get(STYLE_PATH, self.style),
        ]

    @operation(
        "Describe the API, as OpenAPI 3.1",
        tag=Tag.SERVICE,
        gives=(
            gives(200, {"type": "object"}, text="This description.", headers=_CACHED),
            gives(304, text="It is what the client has already."),
        ),
        problems=(412,),
        public=True,
    )
    async def description(self, request: web.Request) -> web.Response:
        """Answer with the description."""
        return self._answer(request, JSON)

    @operation(
        "Show the API, as a page for people",
        tag=Tag.SERVICE,
        gives=(
            gives(200, media=HTML, text="A page.", headers=_CACHED),
            gives(304, text="It is what the client has already."),
        ),
        problems=(412,),
        public=True,
    )
    async def page(self, request: web.Request) -> web.Response:
        """Answer with the page."""
        return self._answer(request, HTML)

    @operation(
        "Give the style of that page",
        tag=Tag.SERVICE,
        gives=(
            gives(200, media=_CSS, text="A style sheet.", headers=_CACHED),
            gives(304, text="It is what the client has already."),
        ),
        problems=(412,),
        public=True,
    )
    async def style(self, request: web.Request) -> web.Response:
        """Answer with the style sheet."""
        return self._answer(request, _CSS)

    def _answer(self, request: web.Request, media: str) -> web.Response:
        if not self._made:
            self._made = self._make(request.app)
        found = self._made[media]
        headers = {
            hdrs.ETAG: found.etag,
            hdrs.CACHE_CONTROL: _CACHE,
            CONTENT_SECURITY_POLICY: _POLICY,
        }
        settled = decide(request, etag=found.etag, modified_at=None)
        if settled is HTTPStatus.PRECONDITION_FAILED:
            raise web.HTTPPreconditionFailed(text="It is not the one that you know.")
        if settled is not None:
            return web.Response(status=settled, headers=headers)
        charset = None if media == JSON else "utf-8"
        return web.Response(
            body=found.body, content_type=found.media, charset=charset, headers=headers
        )

    def _make(self, app: web.Application) -> dict[str, _Document]:
        described = describe(app, prefix=public_path(self._policy, ""))
        style = files("transfer.http").joinpath("static", "api.css").read_bytes()
        page = render_page(described, public_path(self._policy, ""))
        made = {
            JSON: json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode(),
            HTML: page.encode(),
            _CSS: style,
        }
        return {
            media: _Document(body, media, strong_etag(hashlib.sha256(body).hexdigest()))
            for media, body in made.items()
        }


def render_page(described: Mapping[str, Any], prefix: str) -> str:
    """Return the page that shows what `described` describes; `prefix` is that of all paths."""
    environment = Environment(
        loader=PackageLoader("transfer.http"),
        autoescape=select_autoescape(("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    chapters = {tag["name"]: _operations(described, tag["name"]) for tag in described["tags"]}
    return environment.get_template("api.html").render(
        api=described,
        chapters=chapters,
        schemas=described["components"]["schemas"],
        problems=_problems(),
        problem_type=PROBLEM_TYPE,
        style=prefix + STYLE_PATH,
        source=prefix + DESCRIPTION_PATH,
    )


def _operations(described: Mapping[str, Any], tag: str) -> list[dict[str, Any]]:
    """Return a chapter's operations. HEAD is left out where it is GET without the content."""
    return [
        {"path": path, "method": method, **of_path[method]}
        for path, of_path in described["paths"].items()
        for method in _METHODS
        if method in of_path
        and tag in of_path[method]["tags"]
        and not (
            method == "head"
            and "get" in of_path
            and of_path["get"]["summary"] == of_path["head"]["summary"]
        )
    ]


def _problems() -> list[tuple[str, int, str]]:
    """Return the code, status and meaning of every problem that isn't HTTP's own."""
    return sorted(
        (error.code, answer.status, (error.__doc__ or "").strip().splitlines()[0])
        for error, answer in ANSWERS.items()
    )
