"""What `scoreline check` looks at of schemas: whether there are any, and whether records hold what models need."""

from collections.abc import Collection, Sequence

from scoreline.cli.findings import Findings, State
from scoreline.config.settings import Settings
from scoreline.errors import SchemaNotFound, ServiceError
from scoreline.models.model import ModelVersion
from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog
from scoreline.schemas.configured import open_catalog
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.plan import make_plan


def check_schemas(
    settings: Settings, versions: Sequence[ModelVersion], findings: Findings, *, shadows: Collection[int] = ()
) -> None:
    """Look whether records of the input topic hold what each version needs; a shadow that lacks something hurts nobody.

    Args:
        shadows: numbers of those versions that answer nobody.
    """
    catalog = findings.ask("schemas", lambda: _open_catalog(settings))
    schema = _find_input_schema(settings, catalog, findings)
    if schema is None or not versions:
        missing = "the schema of the input" if schema is None else "the model"
        findings.note("features", f"not compared without {missing}", State.SKIPPED)
        return
    for version in versions:
        try:
            findings.note("features", _fit(settings, version, schema))
        except ServiceError as error:
            named = type(error)(f"version {version.version}: {error}")
            if version.version in shadows:
                findings.note("features", f"a shadow, which will give nothing: {named}", State.WARNING)
            else:
                findings.fail("features", named)


def _open_catalog(settings: Settings) -> tuple[SchemaCatalog, str]:
    catalog = open_catalog(settings)
    where = settings.schema_registry_url or f"the folder {settings.schema_dir}"
    if settings.schema_registry_url is not None and settings.schema_auto_register:
        return catalog, f"{where}; the schema of predictions is registered when it is first needed"
    schema_id = catalog.id_of_output(f"{settings.output_topic}-value", prediction_schema())
    return catalog, f"{where}; predictions have the schema {schema_id}"


def _find_input_schema(settings: Settings, catalog: SchemaCatalog | None, findings: Findings) -> ParsedSchema | None:
    item, subject = "input schema", f"{settings.input_topic}-value"
    if catalog is None:
        findings.note(item, "not looked for without schemas", State.SKIPPED)
        return None
    try:
        schema = catalog.latest(subject)
    except SchemaNotFound as error:
        if settings.schema_registry_url is None:
            findings.fail(item, error)
        else:
            findings.note(item, f"{error}; subjects may be named otherwise", State.WARNING)
        return None
    except ServiceError as error:
        findings.fail(item, error)
        return None
    findings.note(item, f"the newest of {subject}")
    return schema


def _fit(settings: Settings, version: ModelVersion, schema: ParsedSchema) -> str:
    features = version.model.features
    make_plan(schema, features, id_field=settings.id_field, event_time_field=settings.event_time_field)
    return f"the input schema has a field for each of {len(features)} of version {version.version}"
