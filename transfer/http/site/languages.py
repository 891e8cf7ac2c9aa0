"""Which language a page is in: the reader's choice, or what their browser asks for."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from urllib.parse import urlencode

from aiohttp import hdrs, web
from babel import Locale, negotiate_locale
from babel.support import NullTranslations, Translations

from transfer.http.requests import PRINCIPAL, client_of

ENGLISH = "en"
LANGUAGES = (ENGLISH, "de")
LANGUAGE_COOKIE = "transfer-language"
LANGUAGE_PARAMETER = "lang"
_KEPT_SECONDS = 365 * 86400
_DOMAIN = "transfer"
_MOST_ASKED = 20


@dataclass(frozen=True, slots=True)
class Language:
    """A language that the pages have."""

    tag: str
    locale: Locale
    translations: NullTranslations

    @property
    def direction(self) -> str:
        """Which way it is written: `ltr` or `rtl`."""
        return str(self.locale.text_direction)

    @property
    def name(self) -> str:
        """What its speakers call it."""
        return str(self.locale.get_language_name(self.tag))


@cache
def language(tag: str) -> Language:
    """Return the language of one of `LANGUAGES`."""
    with as_file(files("transfer.http.site").joinpath("locale")) as folder:
        translations = Translations.load(folder, [tag], _DOMAIN)
    return Language(tag, Locale.parse(tag), translations)


def language_of(request: web.Request) -> Language:
    """Return the language that the page answering `request` is in."""
    for chosen in (_chosen(request), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return language(chosen)
    asked = _asked(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    return language(negotiate_locale(asked, LANGUAGES, sep="-") or ENGLISH)


def keep_language(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser keep the language that a link to this page has chosen, if one has."""
    chosen = _chosen(request)
    if chosen in LANGUAGES and not response.prepared:
        response.set_cookie(
            LANGUAGE_COOKIE,
            chosen,
            max_age=_KEPT_SECONDS,
            path="/",
            secure=client_of(request).is_secure,
            httponly=True,
            samesite="Lax",
        )


def language_links(request: web.Request) -> list[tuple[Language, str]]:
    """Return the same page in each language. An answer to a form has no address of its own."""
    if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
        return []
    # What somebody signs in with is of one use, and stands in no link.
    kept = dict(request.query) if PRINCIPAL in request else {}
    return [
        (language(tag), "?" + urlencode({**kept, LANGUAGE_PARAMETER: tag})) for tag in LANGUAGES
    ]


def _chosen(request: web.Request) -> str:
    return request.query.get(LANGUAGE_PARAMETER, "")


def _asked(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, the most wanted one first."""
    weighed: list[tuple[float, str]] = []
    for one in header.split(",")[:_MOST_ASKED]:
        tag, _, weight = one.replace(" ", "").partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag.lower()))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighed, key=lambda pair: pair[0]) if weight < 0 and tag]
