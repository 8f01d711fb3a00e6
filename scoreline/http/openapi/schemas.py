"""JSON Schema of the types that msgspec reads and writes, as components of one document."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from scoreline.http.errors import ProblemDetails
from scoreline.http.openapi.operations import Content, Operation

_REFERENCE = "#/components/schemas/{name}"


def refer_to(kind: type) -> dict[str, Any]:
    """A reference to the component of a type."""
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def collect_types(operations: Iterable[Operation | None]) -> list[Any]:
    """Every type that operations speak of, each once, and that of problems."""
    contents = [
        content
        for operation in operations
        if operation is not None
        for content in (*operation.body, *(each for answer in operation.answers.values() for each in answer))
    ]
    return list(dict.fromkeys([ProblemDetails, *(c.type for c in contents if c.type is not None)]))


class TypeSchemas:
    """Schemas by type, and the components that they refer to."""

    def __init__(self, types: Iterable[Any], replaced: Mapping[str, Mapping[str, Any]]) -> None:
        """Make all of them.

        Args:
            replaced: what stands in the place of a type, by its name.
        """
        wanted = list(types)
        schemas, components = msgspec.json.schema_components(wanted, ref_template=_REFERENCE)
        self._schemas = dict(zip(wanted, schemas, strict=True))
        self.components: dict[str, Any] = {
            name: dict(replaced.get(name) or _shorten(components[name])) for name in sorted(components)
        }

    def find(self, content: Content) -> dict[str, Any]:
        """The schema of a form; that of text where it is no JSON."""
        return {"type": "string"} if content.type is None else self._schemas[content.type]


def _shorten(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a docstring says to those who read the code: all behind its first paragraph."""
    shortened = dict(schema)
    if "description" in shortened:
        shortened["description"] = " ".join(shortened["description"].split("\n\n")[0].split())
    return shortened
