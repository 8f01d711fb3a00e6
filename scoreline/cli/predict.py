"""`scoreline predict`: the sidecar from the shell."""

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli.output import print_json, print_table
from scoreline.cli.row_problems import RowProblems
from scoreline.errors import ConfigError, InstanceProblem, InvalidInstances

if TYPE_CHECKING:
    from scoreline.cli.rows import NumberedRow
    from scoreline.cli.sidecar import Sidecar
    from scoreline.config.settings import Settings

ROWS_PER_REQUEST = 1000


def predict(
    rows: Annotated[
        list[str] | None,
        typer.Argument(help="name=value for one row, or a file (CSV, JSONL, Parquet, Avro); - or nothing reads JSONL."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Of the sidecar [default: SCORELINE_HTTP_HOST and SCORELINE_HTTP_PORT].")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="A number, an alias, or latest.")] = None,
    token: Annotated[str | None, typer.Option(help="Bearer token [default: first of SCORELINE_HTTP_TOKENS].")] = None,
    *,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Skip columns that the model has no feature for.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row.")] = False,
) -> None:
    """Ask a running sidecar for predictions.

    A value is JSON where it can be read as such (3.5, true, null), else text. The columns that SCORELINE_ID_FIELD and
    SCORELINE_EVENT_TIME_FIELD name are left out where the model has no such feature.

    Example: scoreline predict temp=3.5 carrier=UA
    """
    from scoreline.cli.sidecar import Sidecar
    from scoreline.config.settings import load_settings

    settings = load_settings()
    if token is None and settings.http_tokens:
        token = settings.http_tokens[0].value
    sidecar = Sidecar(url or find_url(settings), token=token)
    spare = {name for name in (settings.id_field, settings.event_time_field) if name is not None}
    predictions = ask(sidecar, read_arguments(rows or []), version, ignore_unknown=ignore_unknown, spare=spare)
    if as_json:
        for prediction in predictions:
            print_json(prediction)
    else:
        print_table([{k: p[k] for k in ("row", "prediction", "label") if k in p} for p in predictions])


def find_url(settings: "Settings") -> str:
    """Where the configured sidecar answers on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(settings.http_host, settings.http_host)  # noqa: S104 - compared, not bound
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{settings.http_port}"


def read_arguments(arguments: Sequence[str]) -> Iterator["NumberedRow"]:
    """The rows that a command line means.

    Raises:
        ConfigError: neither one file nor only name=value.
    """
    from scoreline.cli.rows import open_rows, read_json_lines

    if arguments and all("=" in argument for argument in arguments) and not Path(arguments[0]).exists():
        pairs = (argument.split("=", 1) for argument in arguments)
        yield 1, {name: read_value(text) for name, text in pairs}
    elif not arguments or list(arguments) == ["-"]:
        try:
            yield from read_json_lines(sys.stdin)
        except ValueError as error:
            raise ConfigError(f"stdin: {error}") from error
    elif len(arguments) == 1:
        file = open_rows(Path(arguments[0]))
        for number, row in file:
            values = {k: v if v is None else read_value(v) for k, v in row.items()} if file.as_text else row
            yield number, values
    else:
        raise ConfigError("expected name=value for one row, or one file")


def find_unknown(problems: Iterable[InstanceProblem], columns: Collection[str]) -> set[str]:
    """Those of the columns that the sidecar says the model has no feature for."""
    denied = {p.feature for p in problems if p.detail.startswith("the model has no feature ")}
    return {column for column in columns if column in denied}


def describe_problems(batch: Sequence["NumberedRow"], problems: Iterable[InstanceProblem]) -> list[str]:
    """What is wrong with rows, by their lines and not by their places in a request."""
    found = RowProblems("row")
    for problem in problems:
        told = problem.feature is None or repr(problem.feature) in problem.detail
        found.add(batch[problem.instance][0], problem.detail if told else f"{problem.feature}: {problem.detail}")
    return found.describe()


def read_value(text: str) -> Any:
    """JSON where it is a number, a boolean, null or quoted text; else the text itself."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's; here they are text."""
    raise ValueError(name)


def ask(
    sidecar: "Sidecar",
    rows: Iterable["NumberedRow"],
    version: str | None,
    *,
    ignore_unknown: bool = False,
    spare: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Predictions of all rows in their order, asked for a thousand at a time.

    Args:
        ignore_unknown: whether columns that the model has no feature for are skipped.
        spare: columns that are skipped anyway when the model has no feature of the name.

    Raises:
        ConfigError: rows that cannot be scored, with their lines; the first request with such rows ends it.
    """
    rows = iter(rows)
    found: list[dict[str, Any]] = []
    left_out: set[str] = set()
    while batch := list(islice(rows, ROWS_PER_REQUEST)):
        answer = _ask_once(sidecar, batch, version, ignore_unknown=ignore_unknown, spare=spare, left_out=left_out)
        columns = {"prediction": "predictions", "label": "labels", "scores": "scores"}
        present = {name: answer[key] for name, key in columns.items() if answer.get(key) is not None}
        for i, (number, _) in enumerate(batch):
            named = {"model": answer.get("model"), "version": answer.get("version")}
            found.append({"row": number, **{name: values[i] for name, values in present.items()}, **named})
    return found


def _ask_once(
    sidecar: "Sidecar",
    batch: Sequence["NumberedRow"],
    version: str | None,
    *,
    ignore_unknown: bool,
    spare: Collection[str],
    left_out: set[str],
) -> dict[str, Any]:
    """The answer for one batch; `left_out` grows by the spare columns that the model turns out not to know."""
    instances = [{name: value for name, value in row.items() if name not in left_out} for _, row in batch]
    try:
        return sidecar.predict(instances, version, ignore_unknown=ignore_unknown)
    except InvalidInstances as error:
        unknown = find_unknown(error.problems, spare) - left_out
        if not unknown:
            raise ConfigError(*describe_problems(batch, error.problems)) from error
    left_out |= unknown
    return _ask_once(sidecar, batch, version, ignore_unknown=ignore_unknown, spare=spare, left_out=left_out)
