"""Where a browser goes on after a form: by GET, so that loading again sends nothing again."""

from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.http.policy import HttpPolicy, public_path


def see_other(policy: HttpPolicy, path: str) -> web.Response:
    """Return the answer that leads on to `path` of ours."""
    headers = {hdrs.LOCATION: public_path(policy, path)}
    return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers)
