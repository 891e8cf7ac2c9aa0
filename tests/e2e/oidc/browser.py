"""A browser, as far as signing in needs one: cookies, redirects one at a time, forms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from ssl import SSLContext
from urllib.parse import urljoin, urlsplit

import aiohttp

_ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Page:
    """An answer, read to its end; `location` is where it leads, absolute."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str
    location: str | None
    cookies: Mapping[str, str] = field(default_factory=dict)
    """Set-Cookie headers, by the cookies' names."""


class Browser:
    """Keeps cookies by origin, without regard to their paths."""

    def __init__(self, session: aiohttp.ClientSession, tls: SSLContext | None = None) -> None:
        self._session = session
        self._tls = tls
        self.cookies: dict[str, dict[str, str]] = {}

    async def get(self, url: str) -> Page:
        return await self._ask("GET", url)

    async def post(self, url: str, form: Mapping[str, str]) -> Page:
        return await self._ask("POST", url, form)

    async def submit(self, page: Page, **fields: str) -> Page:
        """Send the form of a page."""
        action = _ACTION.search(page.text)
        assert action, page
        hidden = {name: unescape(value) for name, value in _FIELD.findall(page.text)}
        target = urljoin(page.url, unescape(action[1]))
        return await self.post(target, {**hidden, **fields})

    async def follow(self, page: Page, until: str) -> Page:
        """Follow redirects to a page, or to where one leads to a URL that begins with `until`."""
        for _ in range(10):
            if page.location is None or page.location.startswith(until):
                return page
            page = await self.get(page.location)
        raise AssertionError(f"led round and round: {page}")

    def cookies_of(self, url: str) -> dict[str, str]:
        return self.cookies.setdefault(urlsplit(url).netloc, {})

    async def _ask(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Page:
        kept = self.cookies_of(url)
        headers = {"Accept": "text/html,application/xhtml+xml"}
        if form is not None:
            headers["Sec-Fetch-Site"] = "same-origin"  # no page here has a form for another site
        if kept:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        async with self._session.request(
            method, url, data=form, headers=headers, allow_redirects=False, ssl=self._tls or True
        ) as response:
            told = response.headers.getall("Set-Cookie", [])
            for line in told:
                self._keep(kept, line)
            location = response.headers.get("Location")
            return Page(
                url=url,
                status=response.status,
                headers=response.headers,
                text=await response.text(),
                location=None if location is None else urljoin(url, location),
                cookies={line.partition("=")[0]: line for line in told},
            )

    @staticmethod
    def _keep(kept: dict[str, str], line: str) -> None:
        for name, morsel in SimpleCookie(line).items():
            if not morsel.value or morsel["max-age"] == "0" or "1970" in morsel["expires"]:
                kept.pop(name, None)
            else:
                kept[name] = morsel.value
