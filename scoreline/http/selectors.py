"""Keeps what can be no selector away from the store."""

from scoreline.errors import ModelNotFound
from scoreline.models.names import is_selector


def check_selector(selector: str) -> str:
    """The selector itself, when it looks like one.

    Raises:
        ModelNotFound: it is no version number, alias or `latest`, so nothing can have that name.
    """
    if not is_selector(selector):
        raise ModelNotFound("expected a version number, an alias or latest")
    return selector
