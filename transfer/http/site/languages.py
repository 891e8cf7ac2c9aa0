"""Which language a page is in: the reader's choice, or what their browser asks for."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from aiohttp import hdrs, web
from babel import Locale, negotiate_locale
from babel.support import NullTranslations, Translations

ENGLISH = "en"
LANGUAGES = (ENGLISH, "de")
LANGUAGE_COOKIE = "transfer-language"
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
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return language(chosen)
    asked = _asked(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    return language(negotiate_locale(asked, LANGUAGES, sep="-") or ENGLISH)


def _asked(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, the most wanted one first."""
    weighed: list[tuple[float, str]] = []
    for one in header.split(",")[:_MOST_ASKED]:
        tag, _, weight = one.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag.strip().lower()))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighed, key=lambda pair: pair[0]) if weight < 0 and tag]
