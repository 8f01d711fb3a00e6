"""Keeps what can be no selector away from the store."""

from scoreline.errors import ModelNotFound
from scoreline.models.names import LATEST, is_alias, parse_number


def check_selector(selector: str) -> str:
    """The selector itself, when it looks like one.

    Raises:
        ModelNotFound: it is no version number, alias or `latest`, so nothing can have that name.
    """
    if parse_number(selector) is None and not is_alias(selector) and selector != LATEST:
        raise ModelNotFound("expected a version number, an alias or latest")
    return selector
