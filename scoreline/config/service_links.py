"""Kubernetes tells every pod of every service in variables, and those of a service named `scoreline` look like ours."""

import re
from collections.abc import Collection

LINK = re.compile(
    r"""
    SCORELINE_ (
        (.*_)? SERVICE_HOST             # SCORELINE_SERVICE_HOST
      | (.*_)? SERVICE_PORT (_.*)?      # SCORELINE_HTTP_SERVICE_PORT, SCORELINE_SERVICE_PORT_METRICS
      | (.*_)? PORT_ \d+ _ .*           # SCORELINE_PORT_8080_TCP_ADDR
    )
    """,
    re.VERBOSE,
)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes made this variable: by its name, or a `*_PORT` with a scheme (`tcp://10.0.0.7:80`)."""
    return LINK.fullmatch(name) is not None or (name.endswith("_PORT") and ADDRESS.match(value) is not None)


def describe_service_links(ignored: Collection[str], known: Collection[str]) -> str | None:
    """One line for the log about the links that were ignored; None without any.

    Args:
        ignored: names of the variables.
        known: names that mean something to scoreline, to say where a link hides one of them.
    """
    if not ignored:
        return None
    line = f"ignored {len(ignored)} Kubernetes service links: {', '.join(sorted(ignored))}"
    hidden = sorted(set(ignored) & set(known))
    if hidden:
        line += (
            f"; {', '.join(hidden)} would have been read as configuration: "
            "set enableServiceLinks: false in the pod's spec, or rename the service"
        )
    return line
