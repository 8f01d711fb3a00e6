"""`scoreline predict`: the sidecar from the shell."""

import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
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
EXPLAINED_PER_REQUEST = 32
"""More the sidecar does not explain at once."""


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
    explain: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Also tell what the N weightiest features contributed.")
    ] = None,
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
    predictions = ask(
        sidecar, read_arguments(rows or []), version, ignore_unknown=ignore_unknown, spare=spare, explain=explain
    )
    if as_json:
        for prediction in predictions:
            print_json(prediction)
    else:
        print_table([select_shown(prediction) for prediction in predictions])


def select_shown(prediction: dict[str, Any]) -> dict[str, Any]:
    """What a table shows of a prediction; its explanation on one line."""
    shown: dict[str, Any] = {name: prediction[name] for name in ("row", "prediction", "label") if name in prediction}
    explanation = prediction.get("explanation")
    if explanation is not None:
        told = (f"{one['feature']} {one['contribution']:+.4g}" for one in explanation["features"])
        shown |= {"base": f"{explanation['base']:.4g}", "contributions": ", ".join(told)}
    return shown


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
    explain: int | None = None,
) -> list[dict[str, Any]]:
    """Predictions of all rows in their order, asked for a thousand at a time, or 32 with explanations.

    Args:
        ignore_unknown: whether columns that the model has no feature for are skipped.
        spare: columns that are skipped anyway when the model has no feature of the name.
        explain: how many features of each row are told with what they contributed; None for no explanation.

    Raises:
        ConfigError: rows that cannot be scored, with their lines; the first request with such rows ends it.
    """
    rows = iter(rows)
    rows_per_request = ROWS_PER_REQUEST if explain is None else EXPLAINED_PER_REQUEST
    predict = partial(sidecar.predict, version=version, ignore_unknown=ignore_unknown, explain=explain)
    found: list[dict[str, Any]] = []
    left_out: set[str] = set()
    while batch := list(islice(rows, rows_per_request)):
        answer = _ask_once(predict, batch, spare=spare, left_out=left_out)
        columns = {
            "prediction": "predictions",
            "label": "labels",
            "scores": "scores",
            "explanation": "explanations",
        }
        present = {name: answer[key] for name, key in columns.items() if answer.get(key) is not None}
        for i, (number, _) in enumerate(batch):
            named = {"model": answer.get("model"), "version": answer.get("version")}
            found.append({"row": number, **{name: values[i] for name, values in present.items()}, **named})
    return found


def _ask_once(
    predict: Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]],
    batch: Sequence["NumberedRow"],
    *,
    spare: Collection[str],
    left_out: set[str],
) -> dict[str, Any]:
    """The answer for one batch; `left_out` grows by the spare columns that the model turns out not to know."""
    instances = [{name: value for name, value in row.items() if name not in left_out} for _, row in batch]
    try:
        return predict(instances)
    except InvalidInstances as error:
        unknown = find_unknown(error.problems, spare) - left_out
        if not unknown:
            raise ConfigError(*describe_problems(batch, error.problems)) from error
    left_out |= unknown
    return _ask_once(predict, batch, spare=spare, left_out=left_out)
