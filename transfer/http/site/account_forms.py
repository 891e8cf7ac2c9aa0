"""The forms by which SFTP accounts are issued on a page."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from transfer.core.accounts import LONGEST_LABEL
from transfer.engine.account_requests import AccountRequest
from transfer.engine.public_keys import keys_in
from transfer.http.json_bodies import JsonBody
from transfer.http.site.form_fields import form_of, read_fields

_Version = Annotated[str, Field(max_length=64)]


class _Attested(JsonBody):
    """What both forms have: a box that is ticked; its value is the version of the warning."""

    attested: _Version


class _NewAccount(_Attested):
    label: Annotated[str, Field(max_length=LONGEST_LABEL)] = ""
    keys: str = ""
    networks: str = ""
    keys_only: str | None = None


NEW_ACCOUNT = form_of(*_NewAccount.model_fields)
REISSUE = form_of(*_Attested.model_fields)


def new_account(request: web.Request) -> AccountRequest:
    """Return the account that a form asks for.

    Raises:
        InvalidRequestError: it isn't filled in as it should be.
    """
    form = read_fields(request, _NewAccount)
    return AccountRequest(
        label=form.label,
        with_password=form.keys_only is None,
        keys=keys_in(form.keys),
        networks=form.networks.replace(",", " ").split(),
        attested_version=form.attested,
    )


def asked_version(request: web.Request) -> str:
    """Return the version of the warning that is attested for by asking for another issue.

    Raises:
        InvalidRequestError: none is.
    """
    return read_fields(request, _Attested).attested
