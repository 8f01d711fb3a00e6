"""A secured Kafka as the tests of this folder use it: what the documentation grants, and how a start is judged."""

import re
import threading
import time
from copy import copy
from pathlib import Path
from typing import NamedTuple

from scoreline.cli.exits import find_exit_code
from scoreline.cli.findings import Findings, State
from scoreline.cli.preflight import check_stream, reach_kafka
from scoreline.cli.preflight_drift import check_drift_events
from scoreline.config.environment import Variable
from scoreline.config.roles import Role
from scoreline.config.settings import load_settings
from scoreline.errors import ServiceError
from scoreline.service.parts import Parts
from scoreline.service.stopping import Stop
from scoreline.service.stream_role import StreamRole
from scoreline.testing.secured import Grant

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
GIVE_UP_SECONDS = 20.0


class Documented(NamedTuple):
    """A row of the table of permissions, its name still a pattern such as `<INPUT_TOPIC>`."""

    purpose: str
    grant: Grant

    def __str__(self) -> str:
        return " ".join(self.grant)

    def fill(self, variables):
        """The grant for a configuration."""
        name = re.sub(r"<([A-Z_]+)>", lambda found: variables[found[1]], self.grant.name)
        return self.grant._replace(name=name)


def read_documented():
    """The table under the heading `Permissions`, row by row."""
    section = PAGE.read_text().split("\n### Permissions\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| `(.+?)` \| (.+?) \|$", section, re.MULTILINE)
    return [Documented(purpose, Grant(kind.replace(" ", "_"), name, verb)) for purpose, kind, name, verb in rows]


DOCUMENTED = read_documented()


def documented_for(purpose):
    """Those rows that are for a command, or a setting."""
    return [row for row in DOCUMENTED if purpose in row.purpose]


def as_variables(properties):
    """Properties of a client as variables, without the prefix."""
    return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in properties.items()}


class Verdict(NamedTuple):
    """How a command ended, what it said, and how long it took."""

    exit_code: int
    said: str
    seconds: float


def make_settings(variables):
    """Settings as if the environment had these variables and no others."""
    named = [Variable(f"SCORELINE_{name}", value, "test") for name, value in variables.items()]
    return load_settings([Role.STREAM], variables=named)


def judge_check(variables):
    """What `scoreline check` finds wrong about Kafka."""
    began = time.monotonic()
    findings = Findings()
    settings = make_settings(variables)
    admin = reach_kafka(settings, findings)
    check_stream(settings, admin, findings)
    check_drift_events(settings, admin, findings, must=True)
    said = "; ".join(f"{f.item}: {f.detail}" for f in findings.found if f.state is State.FAILED)
    return Verdict(findings.exit_code, said, time.monotonic() - began)


def make_parts(variables):
    """What the roles of a process share; the model is loaded here."""
    return Parts(make_settings(variables), frozenset([Role.STREAM]))


def judge_start(parts, variables):
    """How the stream role of `scoreline run` ends at its start; given up, with code 0, after a while.

    Args:
        parts: of another configuration with the same model, which need not be loaded again.
    """
    ours = copy(parts)
    ours.settings = make_settings(variables)
    began = time.monotonic()
    stop = Stop(5.0, time.monotonic)
    patience = threading.Timer(GIVE_UP_SECONDS, stop.request)
    patience.start()
    try:
        StreamRole(ours, stop).run()
    except ServiceError as error:
        return Verdict(find_exit_code(error), str(error), time.monotonic() - began)
    finally:
        patience.cancel()
    return Verdict(0, "", time.monotonic() - began)
