"""The OpenAPI 3.1 document of the API, made from its operations. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.api.messages import Failure
from web.api.operations import Operation

_COMPONENT = "#/components/schemas/{model}"
_OFTEN = (401, 403, 422)
"""Statuses of every operation: no token, the wrong one, a request that cannot be used."""
_WITH_BODY = (413,)
_MEANS = {
    401: "No valid token was sent.",
    403: "The token is not for this, or not for objects of this organisation.",
    404: "There is no such thing for this token.",
    409: "Not possible as things stand; `alternatives` says when else.",
    413: "The request is too large.",
    422: "A member of the request cannot be used; `field` names it.",
    503: "Not possible right now; try again later.",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Yuanjian",
            "version": "1",
            "description": "For case-management and custody systems. Every refusal is a `Failure`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    statuses = sorted({*_OFTEN, *operation.refusals, *(_WITH_BODY if operation.body else ())})
    said: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"For tokens with the role `{operation.role}`.",
        "parameters": [*_parameters(operation.path_, "path"), *_parameters(operation.query, "query")],
        "responses": {
            str(operation.status): {"description": "Done.", "content": _content(operation.answer)},
            **{str(status): {"description": _MEANS[status], "content": _content(Failure)} for status in statuses},
        },
    }
    if operation.body is not None:
        said["requestBody"] = {"required": True, "content": _content(operation.body)}
    return said


def _parameters(model: type[BaseModel] | None, place: str) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": place, "required": place == "path" or name in required, "schema": _bare(described)}
        for name, described in schema["properties"].items()
    ]


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be absent is absent, never null."""
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return options[0] if len(options) == 1 else {k: v for k, v in schema.items() if k not in ("default", "title")}


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _COMPONENT.format(model=model.__name__)}}}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    sent = {operation.body for operation in operations if operation.body}
    answered = {operation.answer for operation in operations} | {Failure}
    models = [(model, "validation") for model in sent] + [(model, "serialization") for model in answered - sent]
    ordered = sorted(models, key=lambda pair: pair[0].__name__)
    _, schema = models_json_schema(ordered, ref_template=_COMPONENT)  # type: ignore[arg-type]  # modes are literals
    found: dict[str, Any] = schema["$defs"]
    return found
