"""`scoreline models`: the model store, without starting the service."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scoreline.cli.model_aliases import delete_version, roll_back, set_alias, set_route, show_history
from scoreline.cli.model_store import WHEN_SERVED, AsJson, Name, open_store, whoami
from scoreline.cli.model_views import list_models, show_model
from scoreline.cli.output import print_table
from scoreline.errors import ConfigError, ModelError, ModelRejected

models_app = typer.Typer(
    name="models",
    help="Publish models and look at the store.\n\nExample: scoreline models publish flights model.txt",
    no_args_is_help=True,
)

models_app.command("list")(list_models)
models_app.command("show")(show_model)
models_app.command("alias")(set_alias)
models_app.command("route")(set_route)
models_app.command("history")(show_history)
models_app.command("rollback")(roll_back)
models_app.command("delete")(delete_version)


@models_app.command("publish")
def publish_model(
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The model as text, from booster.save_model(FILE), or the folder of an MLflow model."
        ),
    ],
    model_format: Annotated[
        str | None,
        typer.Option("--format", metavar="F", help="Of a model that is not LightGBM's; recognized where left out."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(help="JSON list of {name, field, kind, nullable, optional, levels}: what the text does not tell."),
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Names of the classes of a multi-class model: a,b,c.")] = None,
    golden: Annotated[
        Path | None,
        typer.Option(help="Rows (CSV, JSON lines, Parquet; scores in a column prediction) to check every load with."),
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="Rows of the training: what drift is measured from.")] = None,
    time_column: Annotated[
        str | None,
        typer.Option(help="The baseline's column with the time: how much is usual needs an order."),
    ] = None,
    alias: Annotated[str | None, typer.Option(help="Move this alias to the new version.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="k=v; repeat it for more.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="k=number, noted with it; repeat it for more.")] = None,
) -> None:
    """Check a model and publish it as the next version; prints the version's number.

    Example: scoreline models publish flights model.txt --alias production --tag run=42
    """
    from scoreline.models.baseline.notes import describe_left_out
    from scoreline.models.preparing import prepare_publication
    from scoreline.models.publishing import publish

    publication = prepare_publication(
        file,
        name,
        by=whoami(),
        model_format=model_format,
        alias=alias,
        features=features,
        classes=None if classes is None else [part.strip() for part in classes.split(",")],
        baseline=baseline,
        time=time_column,
        golden=golden,
        metrics=_parse_metrics(metric or []),
        tags=_parse_pairs(tag or [], option="--tag"),
    )
    manifest = publish(open_store(), publication)
    typer.echo(manifest.version)
    left_out = describe_left_out(manifest.training)
    if left_out is not None:
        typer.echo(left_out, err=True)
    meant = "" if alias is None else f"; {alias} means it from now on: {WHEN_SERVED}"
    typer.echo(f"published {name} version {manifest.version}{meant}", err=True)


@models_app.command("verify")
def verify_model(
    name: Name,
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="A version number, an alias, or latest; all if left out.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check versions anew, as before they serve: sizes, sha256, a load in a child process, golden rows.

    Example: scoreline models verify flights 3
    """
    from scoreline.models.selectors import find_route

    store = open_store()
    chosen = store.versions(name) if version is None else find_route(store, name, version).versions
    if not chosen:
        find_route(store, name, "latest")
    from scoreline.config.settings import load_settings
    from scoreline.models.cache import ModelCache
    from scoreline.models.loading import VersionLoader
    from scoreline.observability.store_log import StoreLog

    loader = VersionLoader(store, ModelCache(load_settings().cache_dir, observers=(StoreLog(),)))
    rows: list[dict[str, Any]] = []
    for number in chosen:
        try:
            loader.verify(name, number)
        except ModelError as error:
            rows.append({"model": name, "version": number, "ok": False, "detail": str(error)})
        else:
            rows.append({"model": name, "version": number, "ok": True, "detail": "may serve"})
    print_table(rows, as_json=as_json)
    failed = [str(row["version"]) for row in rows if not row["ok"]]
    if failed:
        raise ModelRejected(f"{name}: version {', '.join(failed)} may not serve")


def _parse_pairs(given: list[str], *, option: str) -> dict[str, str]:
    bad = [pair for pair in given if "=" not in pair or pair.startswith("=")]
    if bad:
        raise ConfigError(*(f"{option} {pair!r} should be k=v" for pair in bad))
    return dict(pair.partition("=")[::2] for pair in given)


def _parse_metrics(given: list[str]) -> dict[str, float]:
    pairs = _parse_pairs(given, option="--metric")
    try:
        return {name: float(value) for name, value in pairs.items()}
    except ValueError as error:
        raise ConfigError(f"--metric should be k=number: {error}") from error
