"""The description of the API, OpenAPI 3.1: collected from the application's own router.

Each route tells of itself what only it knows (`operations`). What all have in common is added here:
that somebody has to be signed in, what of a path is wrong or isn't there, and what any request may
meet with.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aiohttp import hdrs, web

from transfer import __version__
from transfer.core import errors
from transfer.core.errors import TransferError
from transfer.http.cookie import COOKIE
from transfer.http.csrf import CSRF_HEADER
from transfer.http.description_schemas import Schemas, problem_codes
from transfer.http.operations import Operation, Parameter, operations_of

OPENAPI_VERSION = "3.1.1"
PROBLEM_TYPE = "application/problem+json"

_ABOUT = """\
Files on support cases: sent in pieces that survive every cut, downloaded by range, listed, verified
and deleted on time.

Sign in with a bearer token (`Authorization: Bearer …`), or with the session of a browser; then send
its token as `X-CSRF-Token` with all that changes something.

Errors are problems (RFC 9457): a `code` that stays, a sentence that says what to do, and the
`request_id` that the operator finds them by. Lists come in pages: `next` of one is `after` of the
following. Times are UTC, sizes bytes, digests lower-case hex.
"""
_UNSAFE = frozenset({hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_PATCH, hdrs.METH_DELETE})
_TAKING_BODIES = frozenset({hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_PATCH})
_VARIABLE = re.compile(r"{([a-z_]+)}")

_ALWAYS: Sequence[type[TransferError]] = (errors.TransferError, errors.RecordsUnavailableError)
_SIGNED_IN: Sequence[type[TransferError]] = (
    errors.NotSignedInError,
    errors.SessionOverError,
    errors.ForbiddenError,
    errors.TooManyAttemptsError,
)
_ALWAYS_PROBLEMS = (400, 417, 429, 431)
_BODY_PROBLEMS = (408, 413, 415)

_OF_CASES = ("/api/v1/cases/{", "/api/v1/uploads/{", "/api/v1/files/{")
"""What is found below belongs to a case, the case to a region, and who knows it may be away."""

_PATH: Mapping[str, Mapping[str, Any]] = {
    "number": {"type": "string", "pattern": "^[0-9]{10}$", "examples": ["0003256109"]},
    "id": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$"},
    "name": {"type": "string", "pattern": "^[0-9A-Za-z_.-]+$"},
}


class Described:
    """One method of one path, as its route has it."""

    def __init__(self, path: str, method: str, operation: Operation, handler: str) -> None:
        self.path = path
        self.method = method
        self.operation = operation
        self.id = handler


def describe(app: web.Application, *, prefix: str = "") -> dict[str, Any]:
    """Return the description of `app`, which is found below the path `prefix`."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for one in described(app):
        of_path = paths.setdefault(one.path, {})
        of_path[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": "Case Transfer", "version": __version__, "description": _ABOUT},
        "servers": [{"url": prefix or "/"}],
        "tags": _tags(paths),
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token, as an operator or an admin issues it.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": f"A browser's session. {CSRF_HEADER} goes with what changes "
                    "something, as `GET /api/v1/session` gives it.",
                },
            },
        },
    }


def described(app: web.Application) -> Iterator[Described]:
    """Yield every method of every path that `app` routes.

    Raises:
        LookupError: a route says nothing of itself.
    """
    for resource in app.router.resources():
        path = resource.canonical
        for route in resource:
            for method, operation in _methods(route):
                yield Described(path, method, operation, _operation_id(route, method))


def _methods(route: web.AbstractRoute) -> Iterator[tuple[str, Operation]]:
    known = operations_of(route.handler)
    if not known:
        raise LookupError(f"{route.method} {route.get_info()} has no @operation.")
    for method, operation in known.items():
        yield method or route.method, operation


def _operation_id(route: web.AbstractRoute, method: str) -> str:
    """Return the handler's own name, which is unique; with the method where it has several."""
    handler: Callable[..., Any] = route.handler
    owner, _, name = handler.__qualname__.rpartition(".")
    noun = owner.removesuffix("Routes")
    several = len(operations_of(handler)) > 1 or method == hdrs.METH_HEAD
    return f"{noun[:1].lower()}{noun[1:]}.{name}{f'.{method.lower()}' if several else ''}"


def _operation(one: Described, schemas: Schemas) -> dict[str, Any]:
    described, is_head = one.operation, one.method == hdrs.METH_HEAD
    found: dict[str, Any] = {
        "operationId": one.id,
        "tags": [described.tag.value],
        "summary": described.summary,
    }
    if described.text:
        found["description"] = described.text
    parameters = [_path_parameter(name) for name in _VARIABLE.findall(one.path)]
    parameters += [_parameter(parameter) for parameter in described.parameters]
    if parameters:
        found["parameters"] = parameters
    if described.takes is not None:
        found["requestBody"] = {
            "required": described.takes.required,
            "content": schemas.content(described.takes.content, of_request=True),
        }
        if described.takes.text:
            found["requestBody"]["description"] = described.takes.text
    found["responses"] = _responses(one, schemas, is_head=is_head)
    found["security"] = [] if described.public else [{"token": []}, {"session": []}]
    return found


def _responses(one: Described, schemas: Schemas, *, is_head: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for given in one.operation.gives:
        response: dict[str, Any] = {"description": given.text}
        if given.headers:
            response["headers"] = {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in given.headers.items()
            }
        if given.content and not is_head:
            response["content"] = schemas.content(given.content)
        found[str(given.status)] = response
    codes = problem_codes(_errors(one), _problems(one), one.operation.otherwise)
    for status, named in sorted(codes.items()):
        told = ", ".join(f"`{code}`" for code in named)
        response = found.setdefault(str(status), {"description": f"A problem: {told}."})
        if not is_head:
            content = response.setdefault("content", {})
            content[PROBLEM_TYPE] = {"schema": schemas.problem(named)}
    return dict(sorted(found.items()))


def _errors(one: Described) -> list[type[TransferError]]:
    found = [*_ALWAYS, *one.operation.errors]
    if not one.operation.public:
        found += _SIGNED_IN
        if one.method in _UNSAFE:
            found.append(errors.CrossSiteError)
        if "{number}" in one.path:
            found += [errors.InvalidRequestError, errors.CaseMissingError]
        if one.path.startswith(_OF_CASES):
            found += [
                errors.CaseElsewhereError,
                errors.CaseCoreUnavailableError,
                errors.CaseContradictionError,
            ]
    if one.operation.takes is not None:
        found += [errors.InvalidRequestError, errors.TooLargeError]
    return found


def _problems(one: Described) -> list[int]:
    takes_body = one.operation.takes is not None and one.method in _TAKING_BODIES
    return [*_ALWAYS_PROBLEMS, *one.operation.problems, *(_BODY_PROBLEMS if takes_body else ())]


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "The case's number." if name == "number" else "The id.",
        "schema": dict(_PATH[name]),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.text,
        "schema": dict(parameter.schema),
    }


def _tags(paths: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    used = (one["tags"][0] for of_path in paths.values() for one in of_path.values())
    return [{"name": name} for name in dict.fromkeys(used)]
