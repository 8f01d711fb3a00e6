"""The flights, trained once a session, and services on fresh topics of a real Kafka."""

import secrets
import subprocess
import sys
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest

from scoreline.cli.topics import create_topics
from scoreline.config.environment import Variable
from scoreline.config.settings import load_settings
from scoreline.demo.encoding import FlightEncoder
from scoreline.demo.flights import CATEGORICAL, FEATURES, FIRST_STREAMED_MONTH, flight_schema, load_flights, to_rows
from scoreline.kafka.cluster.admin import TopicDescription, open_admin
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.schemas.folder import write_schema
from scoreline.testing.service import ServiceProcess

JOB_PARTITIONS = 3

TRAINING = """
import sys
from scoreline.demo.flights import load_flights
from scoreline.demo.training import train
train(load_flights()).save_model(sys.argv[1])
"""
"""On its own, as a person would: the LightGBM of a process that serves knows no pandas."""


@dataclass(frozen=True, slots=True)
class StreamedFlights:
    """July to December, and the oracle.

    Attributes:
        matrix: the rows as LightGBM takes them.
        expected: what `Booster.predict` gives for each row.
    """

    booster: lgb.Booster
    rows: list[dict]
    matrix: npt.NDArray[np.float64]
    expected: npt.NDArray[np.float64]


@pytest.fixture(scope="session")
def streamed_flights(tmp_path_factory):
    """All flights that the demonstration streams, with their expected predictions made by LightGBM alone."""
    file = tmp_path_factory.mktemp("flights") / "flights.txt"
    subprocess.run([sys.executable, "-c", TRAINING, str(file)], check=True)
    booster = lgb.Booster(model_file=file)
    flights = load_flights()
    streamed = flights[flights["month"] >= FIRST_STREAMED_MONTH].reset_index(drop=True)
    frame = streamed[list(FEATURES)].copy()
    for name, levels in zip(CATEGORICAL, booster.pandas_categorical, strict=True):
        frame[name] = frame[name].map({level: code for code, level in enumerate(levels)})
    matrix = frame.to_numpy(np.float64)
    return StreamedFlights(booster, list(to_rows(streamed)), matrix, booster.predict(matrix, num_threads=1))


@pytest.fixture(scope="session")
def flights_store(streamed_flights, tmp_path_factory):
    """A store with the flights model as version 1, alias production; the cache beside it remembers the probe."""
    folder = tmp_path_factory.mktemp("store")
    text = streamed_flights.booster.model_to_string().encode()
    publish(ModelStore(str(folder / "models")), Publication(name="flights", text=text, by="tests", alias="production"))
    return folder


@dataclass(frozen=True, slots=True)
class Deployment:
    """A service that is configured and not started yet, its topics, and how to write for it."""

    service: ServiceProcess
    bootstrap_servers: str
    input_topic: str
    output_topic: str
    dead_letter_topic: str
    encoder: FlightEncoder
    variables: dict[str, str]


@pytest.fixture
def deploy(flights_store, make_topic, kafka, kafka_topics, scoreline_service, tmp_path):
    """`deploy(partitions=4, **variables)` makes fresh topics and starts the service on them."""

    def start(
        *,
        partitions=4,
        bootstrap_servers=None,
        name="service",
        like=None,
        roles=("stream", "http"),
        **variables,
    ):
        schemas = tmp_path / "schemas"
        schema_id = write_schema(schemas, "features-value", flight_schema())
        topics = (
            [like.input_topic, like.output_topic, like.dead_letter_topic]
            if like
            else [make_topic(label, partitions=partitions) for label in ("features", "predictions", "dead-letters")]
        )
        servers = bootstrap_servers or kafka.bootstrap_servers
        brokers_own = variables.get("CONSUMER_GROUP_PROTOCOL") == "consumer"
        quick = {} if brokers_own else {"CONSUMER_SESSION_TIMEOUT_MS": "6000"}
        redrive_topic = f"{topics[0]}.redrive"
        if bootstrap_servers is None:
            kafka_topics.share("drift-events")
        else:
            open_admin({"bootstrap.servers": servers}).create_topics([TopicDescription("drift-events", 1)])
        if like is None:
            make_topic(redrive_topic, partitions=partitions, exact=True)
        else:
            open_admin({"bootstrap.servers": servers}).create_topics([TopicDescription(redrive_topic, partitions)])
        configuration = {
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "MODEL_STORE": str(flights_store / "models"),
            "CACHE_DIR": str(flights_store / "cache"),
            "SCHEMA_DIR": str(schemas),
            "INPUT_TOPIC": topics[0],
            "OUTPUT_TOPIC": topics[1],
            "DEAD_LETTER_TOPIC": topics[2],
            "REDRIVE_TOPIC": redrive_topic,
            "GROUP_ID": f"group-{topics[0]}",
            "ID_FIELD": "id",
            **quick,
            **variables,
        }
        service = scoreline_service(configuration, roles=roles, name=name)
        output_topic = configuration["OUTPUT_TOPIC"]
        encoder = FlightEncoder(schema_id)
        return Deployment(service, servers, topics[0], output_topic, topics[2], encoder, configuration)

    return start


@pytest.fixture
def deploy_jobs(flights_store, kafka, kafka_topics, scoreline_service, tmp_path):
    """`deploy_jobs("name", roles=[…], **variables)`: services on the same fresh topics, which `topics create` makes."""
    label = f"jobs-{secrets.token_hex(4)}"
    base = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "MODEL_STORE": str(flights_store / "models"),
        "CACHE_DIR": str(flights_store / "cache"),
        "SCHEMA_DIR": str(tmp_path / "schemas"),
        "INPUT_TOPIC": f"{label}.in",
        "OUTPUT_TOPIC": f"{label}.out",
        "JOBS_TOPIC": label,
        "JOB_RESULTS_TOPIC": f"{label}.results",
        "JOB_EVENTS_TOPIC": f"{label}.events",
        "DRIFT_EVENTS_TOPIC": f"{label}.drift-events",
        "GROUP_ID": f"group-{label}",
        "CONSUMER_SESSION_TIMEOUT_MS": "6000",
        "CONSUMER_HEARTBEAT_INTERVAL_MS": "500",
    }
    settings = load_settings(variables=[Variable(f"SCORELINE_{n}", v, "test") for n, v in base.items()])
    rows = create_topics(
        open_admin({"bootstrap.servers": kafka.bootstrap_servers}),
        settings,
        partitions=JOB_PARTITIONS,
        replication_factor=-1,
    )
    for row in rows:
        kafka_topics.adopt(row["name"])

    def start(name, roles, **variables):
        return scoreline_service({**base, **variables}, roles=roles, name=name).start()

    start.base = base
    return start
