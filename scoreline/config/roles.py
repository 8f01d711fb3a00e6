"""The parts that a process can play."""

from collections.abc import Iterable
from enum import StrEnum

from scoreline.errors import ConfigError


class Role(StrEnum):
    """One part of the service; each may run in a process of its own."""

    STREAM = "stream"
    HTTP = "http"
    JOBS = "jobs"


PRESENT_ROLES = frozenset({Role.STREAM, Role.HTTP})
"""The roles that this version has."""


def choose_roles(names: Iterable[str]) -> frozenset[Role]:
    """The roles that a command line asks for; all that there are when it names none.

    Raises:
        ConfigError: a role is unknown, or not in this version.
    """
    chosen: set[Role] = set()
    problems: list[str] = []
    present = " or ".join(sorted(PRESENT_ROLES))
    known = {role.value for role in Role}
    for name in names:
        if name not in known:
            problems.append(f"--role {name}: there is no such role; expected {present}")
        elif Role(name) not in PRESENT_ROLES:
            problems.append(f"--role {name}: not in this version; expected {present}")
        else:
            chosen.add(Role(name))
    if problems:
        raise ConfigError(*problems)
    return frozenset(chosen) or PRESENT_ROLES
