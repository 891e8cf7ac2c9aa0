"""Where a sign-in may lead back to: a path of this service, and nowhere else."""

import re

from transfer.core.errors import InvalidRequestError

_OWN = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""Visible ASCII without the backslash, which browsers take for a slash."""
_MOST_CHARACTERS = 2000


def return_path(text: str | None, base: str) -> str:
    """Return the path that is asked for, or the service's first page if none is.

    `base` is where browsers find the service, empty or like `/transfer`.

    Raises:
        InvalidRequestError: it leads out of the service.
    """
    if not text:
        return f"{base}/"
    is_own = len(text) <= _MOST_CHARACTERS and _OWN.fullmatch(text) is not None
    if not is_own or not text.startswith(f"{base}/") or _climbs(text):
        raise InvalidRequestError("return_to is a path of this service, like /cases/0003256109.")
    return text


def _climbs(text: str) -> bool:
    """Whether a browser would walk up in the path, and so out of `base`, or to another host."""
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    dots = re.compile(r"(\.|%2e){1,2}", re.IGNORECASE)
    return any(dots.fullmatch(step) for step in path.split("/"))
