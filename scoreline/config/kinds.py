"""The kinds of values that settings have, each with what it accepts."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from scoreline.config.tokens import Token, parse_tokens

MAX_TOPIC_LENGTH = 249
_TOPIC = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_TOPIC_LENGTH}}}")
_ALIAS = re.compile(r"[a-z][a-z0-9_-]*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def is_topic_name(name: str) -> bool:
    """Whether a topic may be called this."""
    return _TOPIC.fullmatch(name) is not None and name not in {".", ".."}


def _check_topic(name: str) -> str:
    if not is_topic_name(name):
        raise ValueError(f"a topic's name has 1 to {MAX_TOPIC_LENGTH} of the characters a-z A-Z 0-9 . _ -")
    return name


def _check_alias(name: str) -> str:
    if not _ALIAS.fullmatch(name) or name == "latest":
        raise ValueError("an alias starts with a letter, goes on with a-z 0-9 _ -, and is not `latest`")
    return name


def _check_model(name: str) -> str:
    if not _MODEL.fullmatch(name):
        raise ValueError("a model's name starts with a letter or digit and goes on with a-z A-Z 0-9 . _ -")
    return name


def _check_registry_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("expected http://… or https://…")
    if "@" in url.split("://", 1)[1].split("/", 1)[0]:
        raise ValueError("put credentials into SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD, not into the URL")
    return url


def _check_size(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError as error:
        raise ValueError("expected a size of at least 1 byte, such as 4 MiB or 4194304") from error


def _split_tokens(value: Any) -> Any:
    return parse_tokens(value) if isinstance(value, str) else value


def _to_upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Topic = Annotated[str, AfterValidator(_check_topic)]
Alias = Annotated[str, AfterValidator(_check_alias)]
ModelName = Annotated[str, AfterValidator(_check_model)]
RegistryUrl = Annotated[str, AfterValidator(_check_registry_url)]
Tokens = Annotated[tuple[Token, ...], BeforeValidator(_split_tokens)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Milliseconds = Annotated[int, Field(ge=0)]
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]
WindowRecords = Annotated[int, Field(ge=500)]
"""A window of fewer rows says too little to be judged."""

Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[ByteSize, Field(ge=1), WrapValidator(_check_size)]
Ratio = Annotated[float, Field(gt=0, le=1)]
Port = Annotated[int, Field(ge=0, le=65535)]
in_upper_case = BeforeValidator(_to_upper)
