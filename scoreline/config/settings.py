"""All settings as one immutable value, and how it is made from the environment."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from scoreline.config.conflicts import find_conflicts
from scoreline.config.environment import PREFIX, Variable, find_cache_dir, read_variables
from scoreline.config.kinds import (
    Alias,
    Bytes,
    Count,
    Factor,
    Milliseconds,
    ModelName,
    Port,
    Ratio,
    RegistryUrl,
    Seconds,
    Tokens,
    Topic,
    WindowRecords,
    in_upper_case,
)
from scoreline.config.properties import FAMILIES, MASK, ClientProperties, mask_property, variable_suffix
from scoreline.config.roles import Role
from scoreline.config.service_links import describe_service_links
from scoreline.config.urls import mask_url
from scoreline.config.variables import SortedVariables, sort_variables, variable_name
from scoreline.errors import ConfigError

SECRETS = frozenset({"schema_registry_password", "schema_registry_token", "http_tokens"})
"""Settings that are never shown, and whose value may come from a file."""

NOT_VARIABLES = frozenset({"client_properties", "ignored_service_links", "sources"})
"""Fields that no variable of their own sets."""


class Effective(NamedTuple):
    """One setting as it may be printed.

    Attributes:
        source: `default`, `environment`, the `.env` file, or the file that a secret was read from.
    """

    value: str
    source: str


class Settings(BaseSettings):
    """One field for each variable, in lower case; `load_settings` fills it from the environment."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False, protected_namespaces=())

    kafka_bootstrap_servers: str | None = None

    model_store: str = "./model_store"
    cache_dir: Path = Field(default_factory=find_cache_dir)
    model: ModelName | None = None
    model_alias: Alias = "production"
    model_reload_seconds: Seconds = 10.0
    model_max_resident: Count = 4
    model_engine: Literal["lightgbm", "compiled"] = "lightgbm"

    input_topic: Topic = "features"
    output_topic: Topic = "predictions"
    dead_letter_topic: Topic = Field(default_factory=lambda data: f"{data['input_topic']}.dead-letters")
    redrive_topic: Topic = Field(default_factory=lambda data: f"{data['input_topic']}.redrive")
    jobs_topic: Topic = "jobs"
    jobs_bulk_topic: Topic = Field(default_factory=lambda data: f"{data['jobs_topic']}.bulk")
    job_results_topic: Topic = "job-results"
    job_events_topic: Topic = "job-events"
    labels_topic: Topic | None = None
    labels_max_predictions: Count = 200_000
    labels_max_seconds: Seconds = 86_400.0
    drift_events_topic: Topic = "drift-events"
    group_id: str | None = None
    member_id: str | None = None
    static_membership: bool = False
    delivery: Literal["at-least-once", "exactly-once"] = "at-least-once"
    commit_interval_ms: Milliseconds = 100
    transaction_min_interval_ms: Milliseconds = 10

    input_format: Literal["confluent", "single-object"] = "confluent"
    schema_registry_url: RegistryUrl | None = None
    schema_registry_username: str | None = None
    schema_registry_password: str | None = None
    schema_registry_token: str | None = None
    schema_registry_ca: Path | None = None
    schema_auto_register: bool = True
    schema_dir: Path = Path("schemas")
    id_field: str | None = None
    event_time_field: str | None = None
    output_headers: bool = False
    tombstones: Literal["dead-letter", "skip", "forward"] = "dead-letter"

    batch_max_records: Count = 2048
    batch_max_bytes: Bytes = Bytes(4 * 1024 * 1024)
    dead_letter_max_ratio: Ratio = 0.5
    dead_letter_window: Count = 10_000

    http_host: str = "127.0.0.1"
    http_port: Port = 8080
    http_tokens: Tokens = ()
    http_auth: Literal["auto", "none"] = "auto"
    metrics_auth: Literal["none", "token"] = "none"
    http_tls_cert: Path | None = None
    http_tls_key: Path | None = None
    http_max_body_bytes: Bytes = Bytes(8 * 1024 * 1024)
    http_max_instances: Count = 10_000
    http_max_concurrency: Count = 64
    http_timeout_seconds: Seconds = 5.0
    http_access_log: Literal["errors", "all", "none"] = "errors"
    jobs_max_rows: Count = 10_000_000
    jobs_max_line_bytes: Bytes = Bytes(1024 * 1024)
    workers: Count = 1
    drift_window_records: WindowRecords = 4096
    drift_window_seconds: Seconds = 600.0
    drift_relative_threshold: Factor = 0.25
    drift_false_alarm_windows: Count = 200

    startup_seconds: Seconds = 60.0
    shutdown_seconds: Seconds = 25.0
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], in_upper_case] = "INFO"
    log_format: Literal["json", "console"] = "json"
    traces: Literal["none", "otlp"] = "none"

    client_properties: ClientProperties = ClientProperties()
    ignored_service_links: tuple[str, ...] = ()
    sources: dict[str, str] = Field(default_factory=dict, repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - this and the last three are the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments: the environment is read in `environment`, and a test's settings depend on nothing else."""
        return (init_settings,)

    @classmethod
    def variable_fields(cls) -> tuple[str, ...]:
        """Names of the fields that a variable sets, in their order here."""
        return tuple(name for name in cls.model_fields if name not in NOT_VARIABLES)

    def group_for(self, model: str) -> str:
        """The consumer group of the stream role.

        Args:
            model: the name of the model that is served, which may have been found in the store.
        """
        return self.group_id or f"scoreline-{model}"

    def jobs_group_for(self, model: str) -> str:
        """The consumer group of the jobs role: never one group for two roles."""
        return f"{self.group_for(model)}-jobs"

    @property
    def jobs_dead_letter_topic(self) -> str:
        """Topic of records of the jobs topics that are no readable chunks."""
        return f"{self.jobs_topic}.dead-letters"

    @property
    def redriven_topic(self) -> str:
        """Compacted topic of the markers that say which dead letters were redriven."""
        return f"{self.dead_letter_topic}.redriven"

    @property
    def shadow_topic(self) -> str:
        """Topic of the predictions that shadows make, which answer nobody."""
        return f"{self.output_topic}.shadow"

    @property
    def service_links_line(self) -> str | None:
        """What to log about Kubernetes' service links; None without any."""
        return describe_service_links(self.ignored_service_links, [variable_name(f) for f in self.variable_fields()])

    def effective(self) -> dict[str, Effective]:
        """Every setting by its variable, as it may be printed, and every client property that is set."""
        shown = {}
        for name in self.variable_fields():
            variable = variable_name(name)
            shown[variable] = Effective(self._printable(name), self.sources.get(variable, "default"))
        for family, scope in FAMILIES.items():
            for name, value in self.client_properties.of(scope).items():
                variable = PREFIX + family + variable_suffix(name)
                source = self.sources.get(variable, "default")
                shown[variable] = Effective(mask_property(name, value), source)
        return shown

    def _printable(self, name: str) -> str:
        value = getattr(self, name)
        if value is None or value == ():
            return f"scoreline-{self.model or '<model>'}" if name == "group_id" else "none"
        if name in SECRETS:
            return MASK
        return str(value).lower() if isinstance(value, bool) else mask_url(str(value))

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name in SECRETS and value:
                yield name, MASK
            else:
                yield name, mask_url(value) if isinstance(value, str) else value


def load_settings(roles: Collection[Role] = (), *, variables: Iterable[Variable] | None = None) -> Settings:
    """Read, sort and validate all variables together.

    Args:
        roles: what the process will do with them: the stream role needs a broker, the http role a safe address.
        variables: in place of the environment and the `.env` file.

    Raises:
        ConfigError: anything is wrong; carries every problem.
    """
    found = sort_variables(
        read_variables() if variables is None else variables, fields=Settings.variable_fields(), secrets=SECRETS
    )
    settings, failed, problems = _validate(found)
    problems = [*found.problems, *problems, *find_conflicts(settings, roles, unknown=failed | found.unread)]
    if problems:
        raise ConfigError(*problems)
    return settings


def _validate(found: SortedVariables) -> tuple[Settings, set[str], list[str]]:
    """The settings that could be made, with defaults where a value failed, and what was wrong with those that did."""
    rest: dict[str, Any] = {
        **found.values,
        "client_properties": found.client_properties,
        "ignored_service_links": tuple(found.service_links),
        "sources": found.sources,
    }
    try:
        return Settings(**rest), set(), []
    except ValidationError as error:
        problems = {str(e["loc"][0]): e for e in error.errors() if e["loc"][0] in found.values}
        good = {name: value for name, value in rest.items() if name not in problems}
        texts = [_describe(name, found.values[name], str(e["msg"])) for name, e in problems.items()]
        return Settings(**good), set(problems), texts


def _describe(name: str, value: str, message: str) -> str:
    reason = message.removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    # An address may have credentials in it, which is what is wrong with it then.
    shown = "" if name in SECRETS or name == "schema_registry_url" else f"; it is {value!r}"
    return f"{variable_name(name)}: {reason}{shown}"
