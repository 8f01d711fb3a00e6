"""The only reader of the process environment, and of the `.env` file that stands in for it."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scoreline.errors import ConfigError

PREFIX = "SCORELINE_"
ENV_FILE = Path(".env")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable as it was found.

    Attributes:
        source: where: `environment` or the name of the file.
    """

    name: str
    value: str
    source: str


def read_environment() -> dict[str, str]:
    """All of the process environment, as a copy."""
    return dict(os.environ)  # noqa: TID251 - this module is the one reader


def read_variables(env_file: Path = ENV_FILE) -> list[Variable]:
    """Every `SCORELINE_` variable that is set and not empty, by name; the environment wins over the file.

    Raises:
        ConfigError: the file is there, but cannot be read.
    """
    found = {v.name: v for v in _prefixed(read_env_file(env_file), str(env_file))}
    found |= {v.name: v for v in _prefixed(read_environment(), "environment")}
    return [found[name] for name in sorted(found) if found[name].value]


def read_env_file(path: Path) -> Mapping[str, str | None]:
    """Names and values of a `.env` file; nothing where there is no such file.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    from pydantic_settings import BaseSettings, DotEnvSettingsSource

    try:
        return DotEnvSettingsSource(
            BaseSettings, env_file=path, env_file_encoding="utf-8", case_sensitive=True
        ).env_vars
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def find_cache_dir() -> Path:
    """The user's cache folder for scoreline, by the XDG convention; not created here."""
    root = read_environment().get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path("~/.cache").expanduser()) / "scoreline"


def _prefixed(variables: Mapping[str, str | None], source: str) -> Iterable[Variable]:
    return (Variable(name, value or "", source) for name, value in variables.items() if name.startswith(PREFIX))
