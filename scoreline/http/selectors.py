"""Keeps what can be no selector away from the store."""

from collections.abc import Mapping
from typing import Any

from scoreline.errors import ModelNotFound
from scoreline.models.names import is_selector

SELECTOR: Mapping[str, Any] = {
    "type": "string",
    "pattern": "^([1-9][0-9]{0,8}|[a-z][a-z0-9_-]{0,99})$",
    "examples": ["latest", "1"],
}
"""What can select a version, as JSON Schema."""


def check_selector(selector: str) -> str:
    """The selector itself, when it looks like one.

    Raises:
        ModelNotFound: it is no version number, alias or `latest`, so nothing can have that name.
    """
    if not is_selector(selector):
        raise ModelNotFound("expected a version number, an alias or latest")
    return selector
