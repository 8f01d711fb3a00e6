"""`scoreline predict`: the sidecar from the shell."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli.output import print_json, print_table
from scoreline.cli.row_problems import RowProblems
from scoreline.cli.sidecar_options import CaFile, TokenText, Url
from scoreline.errors import ConfigError

if TYPE_CHECKING:
    from scoreline.cli.rows import NumberedRow
    from scoreline.client import Client, Predictions, RowError

ROWS_PER_REQUEST = 1000
EXPLAINED_PER_REQUEST = 32
"""More the sidecar does not explain at once."""


def predict(
    rows: Annotated[
        list[str] | None,
        typer.Argument(help="name=value for one row, or a file (CSV, JSONL, Parquet, Avro); - or nothing reads JSONL."),
    ] = None,
    url: Url = None,
    version: Annotated[str | None, typer.Option("--version", help="A number, an alias, or latest.")] = None,
    token: TokenText = None,
    ca: CaFile = None,
    key: Annotated[
        str | None, typer.Option(help="Chooses the version where it is a route [default: one for all rows].")
    ] = None,
    *,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Skip columns that the model has no feature for.")
    ] = False,
    explain: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Also tell what the N weightiest features contributed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row, as they arrive.")] = False,
) -> None:
    """Ask a running sidecar for predictions.

    A value is JSON where it can be read as such (3.5, true, null), else text. The columns that SCORELINE_ID_FIELD and
    SCORELINE_EVENT_TIME_FIELD name are left out where the model has no such feature.

    Example: scoreline predict temp=3.5 carrier=UA
    """
    from scoreline.cli.row_arguments import find_spare, read_arguments
    from scoreline.cli.sidecar import open_client
    from scoreline.config.settings import load_settings

    settings = load_settings()
    with open_client(settings, url, token, ca) as client:
        predictions = ask(
            client,
            read_arguments(rows or []),
            version,
            key=str(uuid.uuid4()) if key is None else key,
            ignore_unknown=ignore_unknown,
            spare=find_spare(settings),
            explain=explain,
        )
        if as_json:
            for prediction in predictions:
                print_json(prediction)
        else:
            # A table is as wide as its widest row.
            print_table([select_shown(prediction) for prediction in predictions])


def select_shown(prediction: Mapping[str, Any]) -> dict[str, Any]:
    """What a table shows of a prediction; its explanation on one line."""
    shown: dict[str, Any] = {name: prediction[name] for name in ("row", "prediction", "label") if name in prediction}
    explanation = prediction.get("explanation")
    if explanation is not None:
        told = (f"{one['feature']} {one['contribution']:+.4g}" for one in explanation["features"])
        shown |= {"base": f"{explanation['base']:.4g}", "contributions": ", ".join(told)}
    return shown


def find_unknown(problems: Iterable["RowError"], columns: Collection[str]) -> set[str]:
    """Those of the columns that the sidecar says the model has no feature for."""
    denied = {p.feature for p in problems if p.detail.startswith("the model has no feature ")}
    return {column for column in columns if column in denied}


def describe_problems(batch: Sequence["NumberedRow"], problems: Iterable["RowError"]) -> list[str]:
    """What is wrong with rows, by their lines and not by their places in a request."""
    found = RowProblems("row")
    for problem in problems:
        told = problem.feature is None or repr(problem.feature) in problem.detail
        found.add(batch[problem.instance][0], problem.detail if told else f"{problem.feature}: {problem.detail}")
    return found.describe()


def ask(
    client: "Client",
    rows: Iterable["NumberedRow"],
    version: str | None,
    *,
    key: str | None = None,
    ignore_unknown: bool = False,
    spare: Collection[str] = (),
    explain: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Predictions of all rows in their order as they arrive, asked for a thousand at a time, or 32 with explanations.

    Args:
        key: chooses the version of all of them where that is a route; None for a new choice with each request.
        ignore_unknown: whether columns that the model has no feature for are skipped.
        spare: columns that are skipped anyway when the model has no feature of the name.
        explain: how many features of each row are told with what they contributed; None for no explanation.

    Raises:
        ConfigError: rows that cannot be scored, with their lines; the first request with such rows ends it.
    """
    rows = iter(rows)
    rows_per_request = ROWS_PER_REQUEST if explain is None else EXPLAINED_PER_REQUEST
    predict = partial(client.predict, version=version, key=key, ignore_unknown=ignore_unknown, explain=explain)
    left_out: set[str] = set()
    while batch := list(islice(rows, rows_per_request)):
        answer = _ask_once(predict, batch, spare=spare, left_out=left_out)
        columns = {
            "prediction": answer.predictions,
            "label": answer.labels,
            "scores": answer.scores,
            "explanation": answer.explanations and [asdict(each) for each in answer.explanations],
        }
        present = {name: values for name, values in columns.items() if values is not None}
        for i, (number, _) in enumerate(batch):
            named = {"model": answer.model, "version": answer.version}
            yield {"row": number, **{name: values[i] for name, values in present.items()}, **named}


def _ask_once(
    predict: Callable[[Sequence[Mapping[str, Any]]], "Predictions"],
    batch: Sequence["NumberedRow"],
    *,
    spare: Collection[str],
    left_out: set[str],
) -> "Predictions":
    """The answer for one batch; `left_out` grows by the spare columns that the model turns out not to know."""
    from scoreline.client.errors import InvalidRows, NotSent

    instances = [{name: value for name, value in row.items() if name not in left_out} for _, row in batch]
    try:
        return predict(instances)
    except (InvalidRows, NotSent) as error:
        if not error.errors:
            raise
        unknown = find_unknown(error.errors, spare) - left_out
        if not unknown:
            raise ConfigError(*describe_problems(batch, error.errors)) from error
    left_out |= unknown
    return _ask_once(predict, batch, spare=spare, left_out=left_out)
