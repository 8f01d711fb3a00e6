"""docs/operations.md against the code: every variable, property, command, exit code, route, metric, event, reason."""

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from scoreline.cli import main
from scoreline.cli.exits import EXIT_CODES
from scoreline.config.environment import Variable
from scoreline.config.properties import REFUSED
from scoreline.config.settings import SECRETS, Settings, load_settings
from scoreline.dead_letters import dead_letter_headers
from scoreline.errors import InstanceProblem, InvalidInstances
from scoreline.http.app import Dependencies, Sidecar
from scoreline.http.errors import ABANDONED_STATUS, PROBLEMS, TYPE_PREFIX, answer_problem
from scoreline.http.predict.explanations import MOST_EXPLAINED, MOST_PENDING
from scoreline.http.predict.predictor import ClassPredictions, Predictions
from scoreline.http.serving import Serving
from scoreline.kafka.client.clients import CLASSIC_DEFAULTS, CONSUMER_DEFAULTS, EVERY_DEFAULTS, PRODUCER_DEFAULTS
from scoreline.models.explanations import Contribution, Explanation
from scoreline.observability.health import HealthBoard
from scoreline.observability.metrics.catalogue import format_table
from scoreline.records import DeadLetter, Reason
from scoreline.transport.record import StoredRecord

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text()
PACKAGE = Path(__file__).parents[1] / "scoreline"

DERIVED = {"CACHE_DIR", "MODEL", "DEAD_LETTER_TOPIC", "REDRIVE_TOPIC", "JOBS_BULK_TOPIC", "GROUP_ID"}
"""Variables whose default depends on others, or on the machine; it is described, not written out."""


class Row(NamedTuple):
    """A row of a table, without the marks of code."""

    cells: tuple[str, ...]

    @classmethod
    def read(cls, line):
        return cls(tuple(cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")))


def table_under(heading):
    """The rows of the first table below a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", PAGE, flags=re.MULTILINE)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE).group().splitlines()
    return [Row.read(line).cells for line in lines[2:]]


def test_every_variable_is_on_the_page_in_the_order_of_the_settings():
    assert [row[0] for row in table_under("Variables")] == [name.upper() for name in Settings.variable_fields()]


@pytest.mark.parametrize("row", table_under("Variables"), ids=lambda row: row[0])
def test_the_default_on_the_page_is_the_one_in_the_code(row):
    name, default, _ = row
    value = getattr(Settings(), name.lower())
    if name in DERIVED:
        assert default
    elif default == "none" and value in (None, ()):
        assert Settings.model_fields[name.lower()].default in (None, ())
    else:
        told = load_settings(variables=[Variable(f"SCORELINE_{name}", default, "page")])
        assert getattr(told, name.lower()) == value


def test_secrets_are_marked():
    marked = {name.lower() for name, _, text in table_under("Variables") if text.startswith("secret")}

    assert marked == SECRETS


def test_refused_properties_are_on_the_page_with_their_reasons():
    assert dict(table_under("Properties of the Kafka clients")) == REFUSED


def test_defaults_of_the_clients_are_on_the_page():
    section = PAGE.split("Where scoreline's defaults are not librdkafka's")[1]
    rows = [Row.read(line).cells for line in re.findall(r"^\| (?:every|consumer|producer) .*$", section, re.MULTILINE)]
    consumer = {**CONSUMER_DEFAULTS, **CLASSIC_DEFAULTS}
    own = [("consumer", consumer), ("producer", PRODUCER_DEFAULTS)]
    expected = {("every", name, str(value).lower()) for name, value in EVERY_DEFAULTS.items()}
    expected |= {
        (client, name, str(value).lower())
        for client, defaults in own
        for name, value in defaults.items()
        if name not in EVERY_DEFAULTS
    }

    assert set(rows) == expected
    assert len(rows) == len(expected)


def test_every_command_is_on_the_page(capsys):
    main(["--help"])
    shown = re.findall(r"^│ ([a-z][a-z-]+) ", capsys.readouterr().out, re.MULTILINE)
    named = {row[0].split()[1] for row in table_under("Commands")}

    assert len(shown) > 5
    assert named == set(shown)


@pytest.mark.usefixtures("command_line")
@pytest.mark.parametrize("row", table_under("Commands"), ids=lambda row: row[0].split(" [")[0])
def test_every_option_on_the_page_is_one_of_its_command(row, capsys):
    words = row[0].split("[")[0].removeprefix("scoreline ").split()
    command = [word for word in words if word.islower() and "," not in word and not word.startswith("-")][:2]
    command = command[:1] if command[0] == "models" else command

    assert main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in re.findall(r"--[a-z-]+", row[0]))


def test_every_exit_code_is_on_the_page():
    documented = {int(code) for code, _ in table_under("Exit codes")}

    assert documented == {0, 130, *EXIT_CODES.values()}


class Nothing:
    """Stands for everything that routes are made with; none of it is asked for."""

    def __getattr__(self, name):
        raise AssertionError(name)


def test_every_route_is_on_the_page():
    dependencies = Dependencies(
        health=HealthBoard(),
        observer=Nothing(),
        render_metrics=Nothing(),
        read_stats=Nothing(),
        serving=Serving(Nothing(), Nothing(), reload_models=Nothing()),
        resume_stream=Nothing(),
        read_drift=Nothing(),
    )
    sidecar = Sidecar(dependencies)
    try:
        routes = {(r.method, r.pattern, r.door.name.lower(), r.summary) for r in sidecar.routes}
    finally:
        sidecar.close()

    assert set(table_under("Routes")) == routes


def test_every_problem_is_on_the_page():
    rows = table_under("Problems")

    assert {name: int(status) for name, status, _ in rows} == {p.slug: p.status for p in PROBLEMS.values()}
    assert len({name for name, _, _ in rows}) == len(rows)
    assert f"`{TYPE_PREFIX}`" in PAGE
    assert f"status {ABANDONED_STATUS} " in PAGE


def test_answers_and_problems_on_the_page_are_shaped_as_they_come():
    section = PAGE.split("## Predictions over HTTP")[1].split("## Metrics")[0]
    request, one, classes, explained, problem = map(json.loads, re.findall(r"```json\n(.*?)```", section, re.DOTALL))
    error = answer_problem(InvalidInstances([InstanceProblem(1, "expected a number or null, got a string", "temp")]))

    assert len(request["instances"]) == len(one["predictions"])
    assert (*one, "explanations") == tuple(explained) == Predictions.__struct_fields__
    assert (*classes, "explanations") == ClassPredictions.__struct_fields__
    assert explained["explanations"][0] == msgspec.to_builtins(Explanation(0.5, [Contribution("temp", -0.83)]))
    assert problem == json.loads(error.body)


def test_limits_of_explanations_on_the_page_are_those_that_hold():
    section = " ".join(PAGE.split("With `?explain=N`")[1].split("### Problems")[0].split())

    assert f"At most {MOST_EXPLAINED} instances are explained at once (413)" in section
    assert f"at most {MOST_PENDING} requests run or wait there (429)" in section


def test_permissions_on_the_page_are_for_variables_that_there_are():
    """What they are for is granted, and taken away, in `tests/integration/test_security.py`."""
    rows = table_under("Permissions")
    names = {name for row in rows for name in re.findall(r"<([A-Z_]+)>", row[2])}

    assert {row[1] for row in rows} == {"topic", "group", "transactional id"}
    assert names <= {name.upper() for name in Settings.variable_fields()}
    assert [row[3] for row in rows if row[0] == "run, check"] == ["READ", "READ", "WRITE", "WRITE", "WRITE", "READ"]


def test_every_metric_is_on_the_page():
    assert format_table() in PAGE


COMPUTED_EVENTS = {
    "jobs/log.py": {"job_submitted", "job_succeeded", "job_failed", "job_cancelled"},
    "observability/client_log.py": {"client_error", "commit_refused"},
    "observability/upgrade_log.py": {"compilation_refused", "compilation_failed"},
    "service/role_thread.py": {"stream_crashed", "jobs_crashed"},
    "stream/membership.py": {"partitions_assigned", "partitions_revoked", "partitions_lost"},
}
"""Events whose name is made where the line is written, by the module that does it."""


def find_events():
    """Every event that the source names, and the modules that make names."""
    events, computing = set(), set()
    sources = ((path, path.read_text()) for path in PACKAGE.rglob("*.py"))
    for path, text in sources:
        for node in ast.walk(ast.parse(text if '"event"' in text else "")):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "event":
                        named = {c.value for c in ast.walk(value) if isinstance(c, ast.Constant)}
                        if isinstance(value, ast.Constant | ast.IfExp):
                            events |= named
                        else:
                            computing.add(path.relative_to(PACKAGE).as_posix())
    return events, computing


def test_every_event_of_the_log_is_on_the_page():
    told = [name for row in table_under("Events of the log") for name in row[0].split(", ")]
    events, computing = find_events()

    assert computing == COMPUTED_EVENTS.keys()
    assert set(told) == events.union(*COMPUTED_EVENTS.values())
    assert len(told) == len(set(told))


def test_every_reason_is_on_the_page():
    assert [reason for reason, _ in table_under("Dead letters")] == [reason.value for reason in Reason]


def test_every_reason_has_a_cure_on_the_page():
    rows = table_under("From a reason to its cure")

    assert [reason for reason, _, _ in rows] == [reason.value for reason in Reason]
    assert all(cure for *_, cure in rows)


def test_every_header_of_a_dead_letter_is_on_the_page():
    headers = dead_letter_headers(DeadLetter(StoredRecord(), Reason.UNDECODABLE, "x"), failed_at_ms=0)

    assert len(headers) >= 9
    assert all(f"`{name}`" in PAGE for name, _ in headers)
