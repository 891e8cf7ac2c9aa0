"""What each route says of itself, for the description of the API: written beside its handler.

    @operation("Show a case", tag=Tag.CASES, gives=gives(200, CaseDetail))
    async def show(self, request): …

`description` collects them from the application's router. What many operations have in common, as
the errors of signing in, is added there and not repeated here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from transfer.core.errors import TransferError

JSON = "application/json"
BYTES = "application/octet-stream"
HTML = "text/html"
FORM = "application/x-www-form-urlencoded"

Schema = Mapping[str, Any]
Content = type[BaseModel] | Schema | None
"""A model, a schema, or nothing said of it: bytes, or a page."""


class Tag(StrEnum):
    """Chapters of the description."""

    CASES = "Cases"
    UPLOADS = "Uploads"
    FILES = "Files"
    EVENTS = "Events"
    RECEIPTS = "Receipts"
    ACCOUNTS = "SFTP accounts"
    TOKENS = "Tokens"
    SIGN_IN = "Sign-in"
    PAGES = "Pages"
    SERVICE = "Service"
    ADMINISTRATION = "Administration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter in the query, or a header field, that a request may have or must."""

    name: str
    text: str
    where: Literal["query", "header"] = "query"
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gives:
    """One answer: its status, what it means, its content by media type, and its headers."""

    status: int
    text: str
    content: Mapping[str, Content] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """A request's body, by media type."""

    content: Mapping[str, Content]
    required: bool = True
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a method of a path does.

    `errors` are those of the core that it may raise, besides the common ones; `problems`, statuses
    that HTTP itself has for it; `otherwise`, errors that it tells with another status than the
    common table has. `public`: nobody has to be signed in.
    """

    summary: str
    tag: Tag
    gives: Sequence[Gives]
    text: str = ""
    takes: Takes | None = None
    parameters: Sequence[Parameter] = ()
    errors: Sequence[type[TransferError]] = ()
    problems: Sequence[int] = ()
    otherwise: Mapping[int, Sequence[type[TransferError]]] = field(default_factory=dict)
    public: bool = False


def gives(
    status: int,
    model: Content = None,
    *,
    text: str = "",
    media: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Gives:
    """Return an answer of at most one media type; without a `model`, bytes or a page."""
    has_content = model is not None or media != JSON
    return Gives(
        status=status,
        text=text or _meaning(model, status),
        content={media: model} if has_content else {},
        headers=headers or {},
    )


def takes(model: type[BaseModel], *, required: bool = True) -> Takes:
    """Return a body of JSON."""
    return Takes(content={JSON: model}, required=required)


Handler = TypeVar("Handler", bound=Callable[..., Any])

_MARK = "described_operations"


def operation(  # noqa: PLR0913 - all but the summary by name
    summary: str,
    *,
    tag: Tag,
    gives: Gives | Sequence[Gives],
    text: str = "",
    takes: Takes | None = None,
    parameters: Sequence[Parameter] = (),
    errors: Sequence[type[TransferError]] = (),
    problems: Sequence[int] = (),
    public: bool = False,
) -> Callable[[Handler], Handler]:
    """Describe the handler of one method."""
    described = Operation(
        summary=summary,
        tag=tag,
        gives=(gives,) if isinstance(gives, Gives) else gives,
        text=text,
        takes=takes,
        parameters=parameters,
        errors=errors,
        problems=problems,
        public=public,
    )
    return operations({None: described})


def operations(described: Mapping[str | None, Operation]) -> Callable[[Handler], Handler]:
    """Describe a handler that takes several methods, each of them."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _MARK, described)
        return handler

    return mark


def operations_of(handler: Callable[..., Any]) -> Mapping[str | None, Operation]:
    """Return what a handler says of itself, by method; None is the one that it is routed by."""
    found: Mapping[str | None, Operation] = getattr(handler, _MARK, {})
    return found


def _meaning(model: Content, status: int) -> str:
    if isinstance(model, type) and model.__doc__:
        return model.__doc__.strip().splitlines()[0]
    return {204: "Done; there is nothing to tell."}.get(status, "Done.")
