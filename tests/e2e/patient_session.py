"""A session of requests that waits for the final answer; Python's own takes a 104 for it."""

from http import HTTPStatus
from http.client import HTTPResponse

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool


class _FinalResponse(HTTPResponse):
    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc] # typeshed has only what is public
        # Of interim answers, `begin` passes over 100 alone: to it, all are that.
        interim = HTTPStatus(100) < status < HTTPStatus.OK and status != HTTPStatus(101)
        return version, HTTPStatus.CONTINUE if interim else status, reason


class _Connection(HTTPSConnection):
    response_class = _FinalResponse


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


def patient_session() -> requests.Session:
    """Return a session whose answers are final ones."""
    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"https": _Pool}
    session = requests.Session()
    session.mount("https://", adapter)
    return session
