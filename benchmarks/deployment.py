"""What the benchmarks of the whole service run on: a broker, a model store, a folder of schemas, and topics."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
from confluent_kafka.admin import AdminClient

from scoreline.cli.topics import create_topics
from scoreline.config.environment import PREFIX, Variable
from scoreline.config.librdkafka import admin_properties
from scoreline.config.settings import load_settings
from scoreline.demo.flights import flight_schema
from scoreline.kafka.cluster.admin import TopicDescription, open_admin
from scoreline.local.broker import KafkaBroker
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.schemas.folder import write_schema
from scoreline.testing.consume import produce_records
from scoreline.testing.service import ServiceProcess
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

PARTITIONS = 4
KEYS = 1000
ANSWER_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Written:
    """Topics that one service, or one loop, writes to."""

    outputs: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything around a service; gone when its context is left.

    Attributes:
        folder: of the store, the schemas, and what the services say.
    """

    broker: KafkaBroker
    folder: Path
    topics: Topics

    @property
    def bootstrap_servers(self) -> str:
        return self.broker.bootstrap_servers

    def make_topic(self, label: str, config: Mapping[str, str] | None = None) -> str:
        """A topic that the broker tells clients of."""
        name = self.topics.make(label, partitions=PARTITIONS, config=config)
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "allow.auto.create.topics": False})
        deadline = time.monotonic() + ANSWER_SECONDS
        while len(admin.list_topics(name, timeout=ANSWER_SECONDS).topics[name].partitions) < PARTITIONS:
            assert time.monotonic() < deadline, f"{name} was created, and the broker does not know it"
            time.sleep(LOOK_AGAIN_SECONDS)
        return name

    def make_written(self, config: Mapping[str, str] | None = None) -> Written:
        return Written(self.make_topic("predictions", config), self.make_topic("dead-letters", config))

    def fill(self, topic: str, payloads: list[bytes], count: int) -> None:
        """Put `count` records onto the partitions in turn, the payloads again and again."""
        records = (
            StoredRecord("", n % PARTITIONS, 0, b"%d" % (n % KEYS), payloads[n % len(payloads)]) for n in range(count)
        )
        assert produce_records(self.bootstrap_servers, topic, records) == count

    def make_service(
        self,
        name: str,
        input_topic: str,
        written: Written,
        variables: Mapping[str, str] | None = None,
        roles: Sequence[str] = ("stream", "http"),
    ) -> ServiceProcess:
        """A service that is not started yet, in a consumer group of its name.

        Args:
            variables: beside those of the deployment, without the prefix.
        """
        redrive = TopicDescription(f"{input_topic}.redrive", PARTITIONS)
        open_admin({"bootstrap.servers": self.bootstrap_servers}).create_topics(
            [redrive, TopicDescription("drift-events", 1)]
        )
        return ServiceProcess(
            {
                **self._common,
                "GROUP_ID": name,
                "INPUT_TOPIC": input_topic,
                "OUTPUT_TOPIC": written.outputs,
                "DEAD_LETTER_TOPIC": written.dead_letters,
                "ID_FIELD": "id",
                **(variables or {}),
            },
            self.folder,
            roles=roles,
            name=name,
        )

    def make_job_services(self, name: str) -> dict[str, ServiceProcess]:
        """A sidecar, `http`, and a worker, `worker`, with topics of their own; not started yet."""
        variables = {
            **self._common,
            "GROUP_ID": name,
            "INPUT_TOPIC": self.make_topic(f"{name}.in"),
            "OUTPUT_TOPIC": f"{name}.out",
            "JOBS_TOPIC": f"{name}.jobs",
            "JOB_RESULTS_TOPIC": f"{name}.results",
            "JOB_EVENTS_TOPIC": f"{name}.events",
            "DRIFT_EVENTS_TOPIC": f"{name}.drift-events",
        }
        found = [Variable(f"{PREFIX}{key}", value, "benchmark") for key, value in variables.items()]
        settings = load_settings(variables=found)
        create_topics(open_admin(admin_properties(settings)), settings, partitions=-1, replication_factor=1)
        return {
            label: ServiceProcess(variables, self.folder, roles=[role], name=f"{name}-{label}")
            for label, role in (("http", "http"), ("worker", "jobs"))
        }

    @property
    def _common(self) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "MODEL_STORE": str(self.folder / "models"),
            "MODEL": "flights",
            "CACHE_DIR": str(self.folder / "cache"),
            "SCHEMA_DIR": str(self.folder / "schemas"),
        }


@contextmanager
def deploy(boosters: Mapping[str, lgb.Booster], properties: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """A broker of its own, the models published by their names, the flights' schema; all of it temporary.

    Its JVM compiles as it does without options, not as for tests, where it only has to be there soon; and it collects
    on one thread, because two cores have none to spare.

    Args:
        properties: of the broker, in Kafka's names.
    """
    with (
        tempfile.TemporaryDirectory(prefix="scoreline-benchmark-") as name,
        KafkaBroker(properties=properties, java_options=("-XX:+UseSerialGC",)) as broker,
    ):
        folder = Path(name)
        store = ModelStore(str(folder / "models"))
        for model, booster in boosters.items():
            text = booster.model_to_string().encode()
            publish(store, Publication(name=model, text=text, by="benchmark", alias="production"))
        write_schema(folder / "schemas", "features-value", flight_schema())
        yield Deployment(broker, folder, Topics(broker.bootstrap_servers))
