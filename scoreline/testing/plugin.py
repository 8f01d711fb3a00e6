"""Pytest plugin: a real Kafka and an S3 as fixtures, topics of one's own, brokers and services that may be broken.

Every pytest run of an environment that has scoreline loads this module, so it imports nothing of ours until a fixture
is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import pytest

if TYPE_CHECKING:
    from scoreline.errors import Unavailable
    from scoreline.local.broker import KafkaBroker
    from scoreline.local.cluster import KafkaCluster
    from scoreline.local.mock import MockKafka
    from scoreline.testing.kafkas import ProxiedKafka, RunningKafka
    from scoreline.testing.registry import RealRegistry
    from scoreline.testing.s3_server import S3Bucket, S3Server
    from scoreline.testing.secured import SecuredKafka
    from scoreline.testing.service import ServiceProcess
    from scoreline.testing.topics import Topics

SAID = pytest.StashKey[list[str]]()
REQUIRABLE = {"kafka": "no real kafka", "registry": "no real registry", "tools": "no such program"}
"""What a run may require, and how a skip says that it is missing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fixtures."""
    group = parser.getgroup("scoreline")
    group.addoption(
        "--kafka-bootstrap-servers",
        default=None,
        help="a Kafka that runs already [default: KAFKA_BOOTSTRAP_SERVERS, else one is started]",
    )
    for what, missing in REQUIRABLE.items():
        group.addoption(f"--require-{what}", action="store_true", help=f"fail where there is {missing}, do not skip")


def pytest_configure(config: pytest.Config) -> None:
    """Make room for what the summary has to say."""
    config.stash[SAID] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which Kafka the tests ran on."""
    for line in config.stash[SAID]:
        terminalreporter.write_line(f"kafka: {line}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes share the tests, tell the one that writes the summary."""
    told: dict[str, list[str]] | None = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["scoreline_said"] = session.config.stash[SAID]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - the hook's name
    """What a process of pytest-xdist has told at its end; one that crashed tells nothing."""
    node.config.stash[SAID].extend(getattr(node, "workeroutput", {}).get("scoreline_said", ()))


def give_up(config: pytest.Config, reason: object, what: str = "kafka") -> NoReturn:
    """Skip, or fail where the run requires the real thing: `kafka`, `registry`, or the `tools` of the machine."""
    if config.getoption(f"--require-{what}"):
        pytest.fail(f"--require-{what}: {reason}", pytrace=False)
    pytest.skip(f"{REQUIRABLE[what]}: {reason}")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 on loopback for the whole session; `s3` is what a test asks for."""
    pytest.importorskip("moto", reason="no S3 here: pip install 'scoreline[test]'")
    from scoreline.testing.s3_server import S3Server

    with S3Server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Bucket]:
    """An empty bucket on loopback, which every client of S3 in this process asks: `.url`."""
    from scoreline.testing.s3_server import S3Bucket

    for variable, value in s3_server.environment.items():
        monkeypatch.setenv(variable, value)
    bucket = S3Bucket.make(s3_server)
    yield bucket
    s3_server.stop_interfering()


@pytest.fixture(scope="session")
def kafka_or_reason(request: pytest.FixtureRequest) -> Iterator[RunningKafka | Unavailable]:
    """A real Kafka, or why there is none."""
    from scoreline.config.environment import read_environment
    from scoreline.errors import Unavailable
    from scoreline.testing.kafkas import running_kafka

    told = request.config.getoption("--kafka-bootstrap-servers") or read_environment().get("KAFKA_BOOTSTRAP_SERVERS")
    with ExitStack() as stack:
        try:
            found: RunningKafka | Unavailable = stack.enter_context(running_kafka(told))
        except Unavailable as error:
            found = error
        request.config.stash[SAID].append(str(found))
        yield found


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, kafka_or_reason: RunningKafka | Unavailable) -> RunningKafka:
    """A real Kafka for the whole session: `.bootstrap_servers`."""
    from scoreline.testing.kafkas import RunningKafka

    if not isinstance(kafka_or_reason, RunningKafka):
        give_up(request.config, kafka_or_reason)
    return kafka_or_reason


@pytest.fixture
def kafka_topics(kafka: RunningKafka) -> Iterator[Topics]:
    """Topics of this test on the session's Kafka."""
    from scoreline.testing.topics import Topics

    topics = Topics(kafka.bootstrap_servers)
    yield topics
    topics.delete_all()


class MakeTopic(Protocol):
    """What the fixture `make_topic` gives."""

    def __call__(
        self, label: str = "topic", *, partitions: int = 1, config: Mapping[str, str] | None = None, exact: bool = False
    ) -> str:
        """Create a topic, see `scoreline.testing.topics.Topics.make`; returns its name."""
        ...


@pytest.fixture
def make_topic(kafka_topics: Topics) -> MakeTopic:
    """`make_topic("features", partitions=4)` creates a topic that is this test's alone and returns its name."""
    return kafka_topics.make


@pytest.fixture
def disposable_kafka(request: pytest.FixtureRequest) -> Iterator[KafkaBroker]:
    """A broker of this test's own, to be killed, frozen and restarted."""
    from scoreline.errors import Unavailable
    from scoreline.local.broker import KafkaBroker
    from scoreline.local.properties import FAST_TIMEOUTS

    with ExitStack() as stack:
        try:
            broker = stack.enter_context(KafkaBroker(properties=FAST_TIMEOUTS))
        except Unavailable as error:
            give_up(request.config, error)
        yield broker


@pytest.fixture(scope="module")
def kafka_cluster(request: pytest.FixtureRequest) -> Iterator[KafkaCluster]:
    """Three brokers of this file's own, replication 3; a test that breaks one of its `.nodes` starts it again."""
    from scoreline.errors import Unavailable
    from scoreline.local.cluster import KafkaCluster
    from scoreline.local.properties import FAST_TIMEOUTS

    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(KafkaCluster(properties=FAST_TIMEOUTS))
        except Unavailable as error:
            give_up(request.config, error)
        yield cluster


@pytest.fixture(scope="module")
def proxied_kafka(request: pytest.FixtureRequest) -> Iterator[ProxiedKafka]:
    """A broker of this file's own, whose `.bootstrap_servers` lead through a `.proxy` that breaks connections.

    A test that needs it healthy calls `.proxy.heal()` first.
    """
    from scoreline.errors import Unavailable
    from scoreline.testing.kafkas import proxied_broker

    with ExitStack() as stack:
        try:
            proxied = stack.enter_context(proxied_broker())
        except Unavailable as error:
            give_up(request.config, error)
        yield proxied


@pytest.fixture(scope="session")
def secured_kafka(request: pytest.FixtureRequest) -> Iterator[SecuredKafka]:
    """A broker with SCRAM, client certificates and ACLs for the whole session; needs the package `cryptography`."""
    from scoreline.errors import Unavailable

    try:
        from scoreline.testing.secured import secured_broker
    except ImportError as error:
        give_up(request.config, f"{error.name} is not installed")
    with ExitStack() as stack:
        try:
            secured = stack.enter_context(secured_broker())
        except Unavailable as error:
            give_up(request.config, error)
        yield secured


@pytest.fixture
def mock_kafka() -> Iterator[MockKafka]:
    """Librdkafka's mock cluster, for plumbing: `scoreline.local.mock` says what it does not prove."""
    from scoreline.local.mock import MockKafka

    with MockKafka() as cluster:
        yield cluster


@pytest.fixture
def kafka_or_mock(
    request: pytest.FixtureRequest, kafka_or_reason: RunningKafka | Unavailable
) -> Iterator[RunningKafka]:
    """The session's real Kafka; where none can be had, a mock cluster, and the summary says what that is worth."""
    from scoreline.local.mock import PROVES_NOTHING_ABOUT, MockKafka
    from scoreline.testing.kafkas import RunningKafka

    if isinstance(kafka_or_reason, RunningKafka):
        yield kafka_or_reason
        return
    if request.config.getoption("--require-kafka"):
        give_up(request.config, kafka_or_reason)
    with MockKafka() as cluster:
        request.config.stash[SAID].append(f"a mock for {request.node.name}: {PROVES_NOTHING_ABOUT}")
        yield RunningKafka(cluster.bootstrap_servers, "mock", (str(kafka_or_reason),))


@pytest.fixture(scope="session")
def schema_registry(request: pytest.FixtureRequest) -> Iterator[RealRegistry]:
    """A real schema registry for the whole session: `.url`."""
    from scoreline.errors import Unavailable
    from scoreline.testing.registry import RealRegistry

    with ExitStack() as stack:
        try:
            registry = stack.enter_context(RealRegistry())
        except Unavailable as error:
            give_up(request.config, error, "registry")
        yield registry


MakeService = Callable[..., "ServiceProcess"]
"""`scoreline_service(variables, roles=(), name="service")`: see `scoreline.testing.service.ServiceProcess`."""


@pytest.fixture
def scoreline_service(tmp_path: Path) -> Iterator[MakeService]:
    """`scoreline_service({"MODEL_STORE": …}).start().await_ready()`: a service that does not outlive the test."""
    from scoreline.testing.service import ServiceProcess

    with ExitStack() as stack:

        def make(variables: Mapping[str, str], *, roles: Sequence[str] = (), name: str = "service") -> ServiceProcess:
            service = ServiceProcess(variables, tmp_path, roles=roles, name=name)
            stack.callback(service.kill)
            return service

        yield make
