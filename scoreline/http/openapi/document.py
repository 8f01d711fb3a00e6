"""The OpenAPI 3.1 document, made from the table of routes and from the types that read requests and write answers."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from scoreline.errors import MalformedRequest
from scoreline.http.auth import Door
from scoreline.http.errors import Forbidden, HeadTooLarge, HeadTooSlow, MethodNotAllowed, Unauthenticated
from scoreline.http.openapi.operations import Content, Location, Operation, Parameter
from scoreline.http.openapi.problems import describe_problems
from scoreline.http.openapi.schemas import TypeSchemas, collect_types
from scoreline.http.request_id import REQUEST_ID
from scoreline.http.routes import Route

_SCHEME = "bearer"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_NO_WORD = re.compile(r"\W+")
_ANY_ROUTE = (MalformedRequest, MethodNotAllowed, HeadTooSlow, HeadTooLarge, Exception)
_ABOUT = (
    "Errors are `application/problem+json`. Every answer has `X-Request-Id`. Whatever answers GET answers HEAD. "
    "A query parameter that is not known, or given twice, is refused."
)

_PARAMETERS = {
    "RequestId": {
        "name": REQUEST_ID,
        "in": "header",
        "description": "What the request is known by in its answer and in the logs, where it is 1 to 128 visible ASCII "
        "characters; else it gets a new id.",
        "schema": {"type": "string"},
    }
}
_HEADERS = {
    "RequestId": {
        "description": "What the request is known by in the logs.",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    }
}


def make_document(
    routes: Sequence[Route], *, version: str, guarded: bool, replaced: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The document of these routes, equal for equal arguments.

    Args:
        version: of the service.
        guarded: whether callers are asked for tokens.
        replaced: JSON Schema that stands in the place of a type, by the type's name.
    """
    schemas = TypeSchemas(collect_types(route.operation for route in routes), replaced)
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(routes, key=lambda route: (route.pattern, route.method)):
        paths.setdefault(route.pattern, {})[route.method.lower()] = _describe(route, schemas, guarded=guarded)
    components: dict[str, Any] = {"schemas": schemas.components, "parameters": _PARAMETERS, "headers": _HEADERS}
    if guarded:
        components["securitySchemes"] = {
            _SCHEME: {
                "type": "http",
                "scheme": "bearer",
                "description": "A token with the role `predict`, or `admin`, which opens all that `predict` opens.",
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "scoreline", "version": version, "description": _ABOUT},
        "paths": paths,
        "components": components,
    }


def _describe(route: Route, schemas: TypeSchemas, *, guarded: bool) -> dict[str, Any]:
    operation = route.operation or Operation()
    closed = guarded and route.door is not Door.OPEN
    described: dict[str, Any] = {
        "operationId": _NO_WORD.sub("_", f"{route.method.lower()}{route.pattern}").strip("_"),
        "tags": [route.pattern.split("/")[1] or "/"],
        "summary": operation.summary or route.summary,
    }
    if operation.description:
        described["description"] = operation.description
    described["security"] = [{_SCHEME: [route.door.name.lower()]}] if closed else []
    described["parameters"] = [{"$ref": "#/components/parameters/RequestId"}, *_describe_parameters(route, operation)]
    if operation.body:
        described["requestBody"] = {"required": True, "content": _describe_contents(operation.body, schemas)}
    described["responses"] = _describe_answers(operation, schemas, closed=closed)
    return described


def _describe_parameters(route: Route, operation: Operation) -> list[dict[str, Any]]:
    """Those that the operation tells of, and of the path also those that it does not."""
    known = {p.name for p in operation.parameters if p.location is Location.PATH}
    untold = [name for name in _PATH_PARAMETER.findall(route.pattern) if name not in known]
    parameters = [*operation.parameters, *(Parameter(name, Location.PATH, {"type": "string"}, "") for name in untold)]
    return [
        {
            "name": p.name,
            "in": p.location.value,
            "required": p.required or p.location is Location.PATH,
            "description": p.description,
            "schema": dict(p.schema),
        }
        for p in parameters
    ]


def _describe_contents(contents: Sequence[Content], schemas: TypeSchemas) -> dict[str, Any]:
    """By media type; several of one are alternatives."""
    found: dict[str, list[dict[str, Any]]] = {}
    for content in contents:
        found.setdefault(content.media_type, []).append(schemas.find(content))
    return {name: {"schema": each[0] if len(each) == 1 else {"anyOf": each}} for name, each in found.items()}


def _describe_answers(operation: Operation, schemas: TypeSchemas, *, closed: bool) -> dict[str, Any]:
    doors = (Unauthenticated, Forbidden) if closed else ()
    answers: dict[int, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": _describe_contents(contents, schemas)}
        for status, contents in operation.answers.items()
    }
    for status, problem in describe_problems([*_ANY_ROUTE, *doors, *operation.problems]).items():
        known = answers.setdefault(status, problem)
        if known is not problem:
            known["content"] |= problem["content"]
            known["headers"] = {name: header | {"required": False} for name, header in problem["headers"].items()}
    request_id = {REQUEST_ID: {"$ref": "#/components/headers/RequestId"}}
    return {
        str(status): answer | {"headers": request_id | answer.get("headers", {})}
        for status, answer in sorted(answers.items())
    }
