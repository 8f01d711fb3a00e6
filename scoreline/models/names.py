"""Names in the store, and what a selector may look like."""

import re

from scoreline.errors import ConfigError

LATEST = "latest"

_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,99}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def is_model_name(text: str) -> bool:
    """Whether a model may be called this."""
    return _MODEL.fullmatch(text) is not None


def is_alias(text: str) -> bool:
    """Whether an alias may be called this."""
    return _ALIAS.fullmatch(text) is not None and text != LATEST


def parse_number(text: str) -> int | None:
    """The version number that a text is, or None."""
    return int(text) if _NUMBER.fullmatch(text) else None


def is_selector(text: str) -> bool:
    """Whether a text can select a version at all: a number, an alias or `latest`."""
    return text == LATEST or is_alias(text) or parse_number(text) is not None


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: JSON escapes and arguments of a command can hold lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_model_name(name: str) -> None:
    """Refuse a name that a model may not have.

    Raises:
        ConfigError: with what it has to look like.
    """
    if not is_model_name(name):
        raise ConfigError(
            f"{name!r} cannot name a model: lower-case letters, digits, '.', '_' and '-', a letter or digit first"
        )


def check_alias(alias: str) -> None:
    """Refuse a name that an alias may not have.

    Raises:
        ConfigError: with what it has to look like.
    """
    if not is_alias(alias):
        raise ConfigError(
            f"{alias!r} cannot be an alias: lower-case letters, digits, '_' and '-', a letter first, "
            f"and not {LATEST!r}, which always means the highest version"
        )
