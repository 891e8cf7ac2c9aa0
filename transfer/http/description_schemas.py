"""Schemas in the description of the API: those of the models, and of the problems."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from transfer.core.errors import TransferError
from transfer.http.errors import ANSWERS, problem_code
from transfer.http.operations import Content
from transfer.http.shapes.problems import Problem

_REFERENCE = "#/components/schemas/{model}"
_MALFORMED_BODY = "malformed-body"


class Schemas:
    """The schemas of all models that are met, each of them once."""

    def __init__(self) -> None:
        self._models: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}

    def content(
        self, content: Mapping[str, Content], *, of_request: bool = False
    ) -> dict[str, Any]:
        """Return `content` by media type, each with its schema."""
        mode: JsonSchemaMode = "validation" if of_request else "serialization"
        return {
            media: {} if model is None else {"schema": self._schema(model, mode)}
            for media, model in content.items()
        }

    def problem(self, codes: Sequence[str]) -> dict[str, Any]:
        """Return the schema of a problem with one of `codes`."""
        return {**self._schema(Problem, "serialization"), "properties": {"code": {"enum": codes}}}

    def components(self) -> dict[str, Any]:
        """Return the schemas of all models that were met."""
        _, defined = models_json_schema(
            list(self._models.items()), ref_template=_REFERENCE, schema_generator=_Plain
        )
        found: dict[str, Any] = dict(sorted(defined["$defs"].items()))
        found[Problem.__name__]["properties"]["code"]["examples"] = sorted(_all_codes())
        return found

    def _schema(self, model: Any, mode: JsonSchemaMode) -> dict[str, Any]:  # noqa: ANN401 - either
        if isinstance(model, type) and issubclass(model, BaseModel):
            self._models.setdefault(model, mode)
            return {"$ref": _REFERENCE.format(model=model.__name__)}
        return {
            name: [self._schema(one, mode) for one in value] if name == "anyOf" else value
            for name, value in model.items()
        }


class _Plain(GenerateJsonSchema):
    """Without a title for every field: it says the name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's own
        """Say that none is."""
        return False


def problem_codes(
    errors: Iterable[type[TransferError]],
    statuses: Iterable[int],
    otherwise: Mapping[int, Iterable[type[TransferError]]],
) -> dict[int, list[str]]:
    """Return which codes a problem of each status may have."""
    found: dict[int, set[str]] = {}
    for error in errors:
        found.setdefault(ANSWERS[error].status, set()).add(error.code)
    for status in statuses:
        found.setdefault(status, set()).add(problem_code(status))
        if status == HTTPStatus.REQUEST_TIMEOUT:  # only where a body is read
            found.setdefault(HTTPStatus.BAD_REQUEST, set()).add(_MALFORMED_BODY)
    for status, told in otherwise.items():
        found.setdefault(status, set()).update(error.code for error in told)
    return {status: sorted(codes) for status, codes in found.items()}


def _all_codes() -> set[str]:
    return {error.code for error in ANSWERS}
