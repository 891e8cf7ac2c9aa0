"""Templates become pages: in the reader's language, with what every page knows."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus

from aiohttp import hdrs, web
from babel.dates import format_datetime
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from transfer.http.bearer import is_by_token
from transfer.http.cookie import cookie_secret
from transfer.http.csrf import csrf_token
from transfer.http.policy import HttpPolicy, public_path
from transfer.http.protection import CONTENT_SECURITY_POLICY
from transfer.http.rendering import rfc3339
from transfer.http.requests import PRINCIPAL
from transfer.http.site.assets import ASSETS_PATH, Entry, built_assets
from transfer.http.site.languages import Language, language, language_links, language_of
from transfer.http.site.quantities import duration_text, number_text, size_text
from transfer.http.site.terms import term

POLICY = web.AppKey("policy", HttpPolicy)
"""The application's policy, for what has nothing but a request."""

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def render_page(
    request: web.Request, template: str, /, *, status: int = HTTPStatus.OK, **context: object
) -> web.Response:
    """Return a page made of `template`, which finds `context` and what `_common` has."""
    spoken = language_of(request)
    environment = _environment(spoken.tag)
    text = environment.get_template(template).render({**_common(request, spoken), **context})
    return web.Response(
        text=text,
        status=status,
        content_type="text/html",
        headers={
            CONTENT_SECURITY_POLICY: _CONTENT_POLICY,
            hdrs.CONTENT_LANGUAGE: spoken.tag,
            hdrs.VARY: "Accept-Language, Cookie",
        },
    )


@cache
def _environment(tag: str) -> Environment:
    spoken = language(tag)
    environment = Environment(
        loader=PackageLoader("transfer.http"),
        autoescape=select_autoescape(("html",)),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    install = environment.install_gettext_translations  # type: ignore[attr-defined] # by i18n
    install(spoken.translations, newstyle=True)

    def moment(at: datetime) -> Markup:
        shown = format_datetime(at, "medium", locale=spoken.locale)
        return Markup('<time datetime="{}">{} UTC</time>').format(rfc3339(at), shown)

    environment.filters["moment"] = moment
    environment.filters["size"] = lambda size: size_text(size, spoken.locale)
    environment.filters["number"] = lambda number: number_text(number, spoken.locale)
    environment.filters["duration"] = lambda duration: duration_text(duration, spoken.locale)
    environment.filters["term"] = lambda word: spoken.translations.gettext(term(str(word)))
    return environment


def _common(request: web.Request, spoken: Language) -> Mapping[str, object]:
    """Return what every template finds."""
    policy = request.app[POLICY]
    secret = None if is_by_token(request) else cookie_secret(request)

    def path(to: str) -> str:
        return public_path(policy, to)

    def entry(name: str) -> Entry:
        found = built_assets().entry(name)
        prefix = path(ASSETS_PATH)
        return Entry(prefix + found.script, tuple(prefix + style for style in found.styles))

    return {
        "principal": request.get(PRINCIPAL),
        "csrf_token": csrf_token(secret) if secret is not None else None,
        "language": spoken,
        "language_links": language_links(request),
        "current_path": request.path,
        "path": path,
        "entry": entry,
    }
