"""Everything that a start would find out, item by item: broker, topics, model, schemas, and whether they fit."""

import uuid
from collections.abc import Collection, Mapping
from functools import partial

from scoreline.cli.findings import Findings, State
from scoreline.cli.preflight_drift import check_drift_events
from scoreline.cli.preflight_jobs import check_jobs
from scoreline.cli.preflight_schemas import check_schemas
from scoreline.cli.topics import find_misfit, plan_topics
from scoreline.config.conflicts import KAFKA_ROLES
from scoreline.config.librdkafka import admin_properties, consumer_properties, producer_properties
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.errors import ModelRejected, Refused, ServiceError
from scoreline.kafka.client.clients import make_consumer, make_producer
from scoreline.kafka.cluster.admin import KafkaAdmin, TopicDescription, find_forbidden, open_admin
from scoreline.kafka.publishing.transactional_id import check_transactional_id
from scoreline.models.cache import ModelCache
from scoreline.models.loading import VersionLoader
from scoreline.models.model import ModelVersion
from scoreline.models.routes import Route
from scoreline.models.selectors import find_only_model
from scoreline.models.store import ModelStore

REACH_SECONDS = 10.0


def check_everything(settings: Settings, roles: Collection[Role]) -> Findings:
    """Look at everything that the roles need, with the findings in the order in which a start would meet them."""
    findings = Findings()
    asks_kafka = KAFKA_ROLES & set(roles) or settings.kafka_bootstrap_servers is not None
    admin = reach_kafka(settings, findings, must=bool(KAFKA_ROLES & set(roles))) if asks_kafka else None
    topics = check_stream(settings, admin, findings) if Role.STREAM in roles else {}
    route, versions = _check_model(settings, findings)
    if topics and route is not None and route.shadows:
        _check_shadow_topic(settings, topics, findings)
    if Role.STREAM in roles:
        check_schemas(settings, versions, findings, shadows=() if route is None else route.shadows)
    if asks_kafka:
        check_drift_events(settings, admin, findings, must=bool(KAFKA_ROLES & set(roles)))
    if asks_kafka and {Role.HTTP, Role.JOBS} & set(roles):
        check_jobs(settings, roles, admin, findings, group_id=_find_group_id_if_any(settings))
    return findings


def reach_kafka(settings: Settings, findings: Findings, *, must: bool = True) -> KafkaAdmin | None:
    """Look at the clients' properties, and whether a broker answers.

    Args:
        must: whether nothing works without it; else that it does not answer is a warning.
    """
    findings.ask("client properties", lambda: _try_properties(settings))
    if must:
        return findings.ask("broker", lambda: _reach(settings))
    try:
        admin, told = _reach(settings)
    except ServiceError as error:
        findings.note("broker", f"{error}; without it /batch answers 503", State.WARNING)
        return None
    findings.note("broker", told)
    return admin


def check_stream(settings: Settings, admin: KafkaAdmin | None, findings: Findings) -> Mapping[str, TopicDescription]:
    """Look at what the stream role needs of Kafka: topics and permissions.

    Args:
        admin: None where no broker was reached.

    Returns:
        Those of its topics that are there for this user to see, by name.
    """
    topics = _find_topics(settings, admin, findings)
    _check_group(settings, admin, findings)
    _check_transactions(settings, admin, findings)
    source = topics.get(settings.input_topic)
    for wanted in () if source is None else plan_topics(settings, source, shadow=True):
        misfit = find_misfit(topics[wanted.name], wanted) if wanted.name in topics else ""
        if misfit:
            findings.note("topics", f"{wanted.name}: {misfit}", State.WARNING)
    return topics


def _try_properties(settings: Settings) -> tuple[None, str]:
    """Make the clients and let go of them: their constructors judge values, and combinations of them."""
    make_consumer({**consumer_properties(settings), "group.id": settings.group_for("check")}).close()
    make_producer(producer_properties(settings))
    return None, "accepted by the clients"


def _reach(settings: Settings) -> tuple[KafkaAdmin, str]:
    admin = open_admin(admin_properties(settings))
    admin.reach(min(REACH_SECONDS, settings.startup_seconds), lambda: False)
    return admin, f"{settings.kafka_bootstrap_servers} answers"


def _find_topics(settings: Settings, admin: KafkaAdmin | None, findings: Findings) -> dict[str, TopicDescription]:
    """Those of the topics that are there for this user to see, all asked for at once."""
    items = {
        "input topic": settings.input_topic,
        "output topic": settings.output_topic,
        "dead-letter topic": settings.dead_letter_topic,
        "redrive topic": settings.redrive_topic,
    }
    if settings.labels_topic is not None:
        items["labels topic"] = settings.labels_topic
    found = {}
    if admin is not None:
        try:
            found = admin.describe_topics([*items.values(), settings.redriven_topic, settings.shadow_topic])
        except ServiceError as error:
            findings.fail("topics", error)
            return {}
    written = [settings.output_topic, settings.dead_letter_topic]
    read = [name for item, name in items.items() if name not in written]
    forbidden = dict(find_forbidden(found, read=read, written=written))
    for item, name in items.items():
        if admin is None:
            findings.note(item, f"{name}: not looked at without a broker", State.SKIPPED)
        elif name in forbidden:
            findings.fail(item, Refused(forbidden[name]))
        elif name in found:
            findings.note(item, f"{name}: partitions: {found[name].partitions}")
        else:
            findings.fail(item, Refused(f"{name} does not exist; create it with `scoreline topics create`"))
    if admin is not None and settings.redriven_topic not in found:
        detail = f"{settings.redriven_topic} does not exist: a redrive needs it; `scoreline topics create` makes it"
        findings.note("topics", detail, State.WARNING)
    return {name: topic for name, topic in found.items() if not topic.hidden}


def _check_group(settings: Settings, admin: KafkaAdmin | None, findings: Findings) -> None:
    item = "consumer group"
    try:
        group_id = _find_group_id(settings)
    except ServiceError:  # the item `model` tells of it
        findings.note(item, "not looked at without a model to name it after", State.SKIPPED)
        return
    if admin is None:
        findings.note(item, f"{group_id}: not looked at without a broker", State.SKIPPED)
        return
    forbidden = admin.find_forbidden_group(group_id)
    if forbidden is None:
        findings.note(item, group_id)
    else:
        findings.fail(item, Refused(forbidden))


def _check_transactions(settings: Settings, admin: KafkaAdmin | None, findings: Findings) -> None:
    # As text: which deliveries there are is the settings' business.
    if settings.delivery != "exactly-once" or admin is None:
        return

    def ask() -> tuple[None, str]:
        prefix = f"{_find_group_id(settings)}-"
        check_transactional_id(producer_properties(settings), f"{prefix}check-{uuid.uuid4()}")
        return None, f"{prefix}…: may be used"

    findings.ask("transactional id", ask)


def _find_group_id(settings: Settings) -> str:
    # Where the group has a name of its own, no store is needed to find it.
    return settings.group_id or settings.group_for(settings.model or find_only_model(ModelStore(settings.model_store)))


def _find_group_id_if_any(settings: Settings) -> str | None:
    try:
        return _find_group_id(settings)
    except ServiceError:  # the item `model` tells of it
        return None


def _check_shadow_topic(settings: Settings, topics: Mapping[str, TopicDescription], findings: Findings) -> None:
    """What shadows miss keeps no service from starting, so it is a warning."""
    name = settings.shadow_topic
    found = {name: topics[name]} if name in topics else {}
    forbidden = find_forbidden(found, read=[], written=[name])
    if forbidden:
        findings.note("shadow topic", forbidden[0][1], State.WARNING)
    elif not found:
        detail = (
            f"{name} does not exist, or not for this user: what shadows give is only compared; "
            "`scoreline topics create --shadow` makes it"
        )
        findings.note("shadow topic", detail, State.WARNING)
    else:
        findings.note("shadow topic", f"{name}: partitions: {found[name].partitions}")


def _check_model(settings: Settings, findings: Findings) -> tuple[Route | None, list[ModelVersion]]:
    named = findings.ask("model", lambda: _resolve_model(settings))
    if named is None:
        findings.note("model version", "not looked at without a model", State.SKIPPED)
        return None, []
    name, route = named
    asked = [findings.ask("model version", partial(_verify_model, settings, name, number)) for number in route.versions]
    return route, [version for version in asked if version is not None]


def _resolve_model(settings: Settings) -> tuple[tuple[str, Route], str]:
    store = ModelStore(settings.model_store)
    name = settings.model or find_only_model(store)
    route = store.alias(name, settings.model_alias)
    return (name, route), f"{name} in {store.url}: {settings.model_alias} means {route}"


def _verify_model(settings: Settings, name: str, number: int) -> tuple[ModelVersion, str]:
    troubles = _CacheTroubles()
    cache = ModelCache(settings.cache_dir, observers=(troubles,))
    loader = VersionLoader(ModelStore(settings.model_store), cache)
    try:
        loader.verify(name, number)
        version = loader.load(name, number)
    except ModelRejected as error:
        cure = f"publish it anew, or choose another: scoreline models alias {name} {settings.model_alias} VERSION"
        raise ModelRejected(f"{error}; {cure}") from error
    return (
        version,
        f"{name} {number}: checked, loaded and scored; {len(version.model.features)} features{troubles.text}",
    )


class _CacheTroubles:
    """Implements `scoreline.models.best_effort.CacheObserver`: what serves all the same, but should be known."""

    text = ""

    def not_remembered(self, detail: str) -> None:
        """Keep it for the finding."""
        self.text = f"; it cannot be kept on this machine: {detail}"
