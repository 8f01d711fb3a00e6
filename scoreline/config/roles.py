"""The parts that a process can play."""

from collections.abc import Iterable
from enum import StrEnum

from scoreline.errors import ConfigError


class Role(StrEnum):
    """One part of the service; each may run in a process of its own."""

    STREAM = "stream"
    HTTP = "http"
    JOBS = "jobs"


PRESENT_ROLES = frozenset(Role)
"""What a process plays that is not told otherwise."""


def describe_roles() -> str:
    """All roles, as alternatives in a sentence."""
    *first, last = sorted(Role)
    return f"{', '.join(first)} or {last}"


def choose_roles(names: Iterable[str]) -> frozenset[Role]:
    """The roles that a command line asks for; all that there are when it names none.

    Raises:
        ConfigError: a role is unknown.
    """
    asked = list(names)
    known = {role.value for role in Role}
    if problems := [
        f"--role {name}: there is no such role; expected {describe_roles()}" for name in asked if name not in known
    ]:
        raise ConfigError(*problems)
    return frozenset(map(Role, asked)) or PRESENT_ROLES
