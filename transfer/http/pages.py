"""Plain pages: a heading and some paragraphs, safe whatever is put into them."""

from collections.abc import Sequence
from html import escape
from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.http.protection import CONTENT_SECURITY_POLICY

_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<main>
<h1>{title}</h1>
{content}
</main>
</html>
"""


class Html(str):
    """Text that is HTML already, and made by us."""

    __slots__ = ()


def page(title: str, content: Sequence[str], *, status: int = HTTPStatus.OK) -> web.Response:
    """Return a page; whatever of `content` isn't `Html` becomes a paragraph as it is."""
    parts = [one if isinstance(one, Html) else f"<p>{escape(one)}</p>" for one in content]
    return web.Response(
        text=_PAGE.format(title=escape(title), content="\n".join(parts)),
        status=status,
        content_type="text/html",
        headers={CONTENT_SECURITY_POLICY: _POLICY},
    )


def link(url: str, text: str) -> Html:
    """Return a paragraph that is a link; `url` is ours or the operator's."""
    return Html(f'<p><a href="{escape(url)}">{escape(text)}</a></p>')


def button(action: str, text: str, **fields: str) -> Html:
    """Return a form that is one button, and sends `fields` along."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return Html(
        f'<form method="post" action="{escape(action)}">{hidden}'
        f"<button>{escape(text)}</button></form>"
    )


def wants_page(request: web.Request) -> bool:
    """Whether a person waits for the answer at a browser, rather than a program."""
    return (
        not request.path.startswith("/api/")
        and "text/html" in request.headers.get(hdrs.ACCEPT, "").lower()
    )
