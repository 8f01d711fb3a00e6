"""`scoreline models list | show`: what the store has, for people and for producers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli.model_store import AsJson, Name, Selector, open_store
from scoreline.cli.output import print_json, print_table
from scoreline.errors import ConfigError, ModelRejected
from scoreline.models.routes import Route, find_naming

if TYPE_CHECKING:
    from scoreline.features import Feature
    from scoreline.models.manifest import Manifest
    from scoreline.models.store import ModelStore


def list_models(*, as_json: AsJson = False) -> None:
    """List the versions of all models in the store.

    Example: scoreline models list --json
    """
    store = open_store()
    rows = [row for name in store.names() for row in _summarize_model(store, name)]
    if not rows and not as_json:
        typer.echo(f"the model store {store.url} has no model", err=True)
    print_table(rows, as_json=as_json, title=store.url)


def show_model(
    name: Name,
    version: Selector = "latest",
    *,
    as_json: AsJson = False,
    avro: Annotated[bool, typer.Option("--avro", help="Only the Avro schema that producers can write with.")] = False,
) -> None:
    """Show where a version comes from, and what a producer has to send for it; of a route, all that it names.

    Example: scoreline models show flights production --avro > features.avsc
    """
    from scoreline.models.selectors import find_route

    store = open_store()
    route = find_route(store, name, version)
    manifests = [store.manifest(name, number) for number in route.versions]
    if avro:
        from scoreline.schemas.feature_schema import make_feature_schema

        print_json(make_feature_schema(name, _unite_features(manifests)))
        return
    aliases = store.aliases(name)
    if as_json:
        import msgspec

        shown = [{**msgspec.to_builtins(each), "aliases": find_naming(aliases, each.version)} for each in manifests]
        print_json(shown[0] if len(shown) == 1 else {"name": name, "alias": version, **route.to_json(), "shown": shown})
        return
    if len(manifests) > 1:
        typer.echo(f"{version} of {name} means {route}\n")
    for manifest in manifests:
        for key, value in _provenance(manifest, find_naming(aliases, manifest.version)):
            typer.echo(f"{key:<10} {value}")
        typer.echo("")
        print_table([_describe_feature(feature) for feature in manifest.features], title="What a record has to hold")


def _unite_features(manifests: "Sequence[Manifest]") -> "tuple[Feature, ...]":
    """What a record needs for every version; null only where each of them takes it.

    Raises:
        ConfigError: versions take different things under one name.
    """
    from dataclasses import replace

    united: dict[str, Feature] = {}
    for manifest in manifests:
        for feature in manifest.features:
            known = united.setdefault(feature.name, feature)
            if (known.kind, known.field) != (feature.kind, feature.field):
                raise ConfigError(
                    f"versions take the feature {feature.name!r} differently ({known.kind} from {known.field!r}, "
                    f"{feature.kind} from {feature.field!r}): say one version by its number"
                )
            united[feature.name] = replace(known, nullable=known.nullable and feature.nullable)
    return tuple(united.values())


def _summarize_model(store: "ModelStore", name: str) -> list[dict[str, Any]]:
    """A row for each version; a damaged alias is told in each, and hides nothing else."""
    aliases: Mapping[str, Route] = {}
    problem = None
    try:
        aliases = store.aliases(name)
    except ModelRejected as error:
        problem = str(error)
    return [
        _summarize(store, name, version, find_naming(aliases, version), problem) for version in store.versions(name)
    ]


def _summarize(
    store: "ModelStore", name: str, version: int, aliases: Sequence[str], problem: str | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"model": name, "version": version, "aliases": ", ".join(aliases) or None}
    try:
        manifest = store.manifest(name, version)
    except ModelRejected as error:
        return {**row, "output": None, "features": None, "created": None, "by": None, "problem": str(error)}
    facts = {"output": manifest.output, "features": len(manifest.features)}
    return {**row, **facts, "created": manifest.created, "by": manifest.by, "problem": problem}


def _provenance(manifest: "Manifest", aliases: list[str]) -> list[tuple[str, str]]:
    from scoreline.models.baseline.notes import PREFIX, describe_baseline

    training = {name: fact for name, fact in manifest.training.items() if not name.startswith(PREFIX)}
    pairs = [
        ("model", f"{manifest.name} version {manifest.version}"),
        ("aliases", ", ".join(aliases) or "-"),
        ("created", f"{manifest.created} by {manifest.by}"),
        ("format", manifest.format),
        ("output", f"{manifest.output} ({manifest.objective or 'no objective is said'})"),
        ("classes", ", ".join(manifest.classes or ()) or "-"),
        ("training", _pairs(training)),
        ("baseline", describe_baseline(manifest.training) or "-"),
        ("metrics", _pairs(manifest.metrics)),
        ("tags", _pairs(manifest.tags)),
    ]
    return pairs + [(role, f"sha256 {blob.sha256}, {blob.size:,} bytes") for role, blob in manifest.blobs.items()]


def _describe_feature(feature: Any) -> dict[str, Any]:
    levels = feature.levels
    shown = None if levels is None else ", ".join(map(str, levels[:8])) + (" …" if len(levels) > 8 else "")
    return {
        "feature": feature.name,
        "field": feature.field,
        "kind": feature.kind,
        "null": "allowed" if feature.nullable else "refused",
        "field may lack": feature.optional,
        "levels": shown,
    }


def _pairs(values: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items()) or "-"
