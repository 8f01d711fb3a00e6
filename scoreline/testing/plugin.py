"""Pytest plugin: a real Kafka as a fixture, topics of one's own, brokers and services that may be broken.

Every pytest run of an environment that has scoreline loads this module, so it imports nothing of ours until a fixture
is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest

if TYPE_CHECKING:
    from scoreline.testing.kafkas import RunningKafka
    from scoreline.testing.topics import Topics


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fixtures."""
    group = parser.getgroup("scoreline")
    group.addoption(
        "--kafka-bootstrap-servers",
        default=None,
        help="a Kafka that runs already [default: KAFKA_BOOTSTRAP_SERVERS, else one is started]",
    )
    group.addoption("--require-kafka", action="store_true", help="fail where no real Kafka can be had, do not skip")


def give_up(config: pytest.Config, reason: str) -> NoReturn:
    """Skip, or fail where the run requires a real Kafka."""
    if config.getoption("--require-kafka"):
        pytest.fail(f"--require-kafka: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[RunningKafka]:
    """A real Kafka for the whole session: `.bootstrap_servers`."""
    from scoreline.config.environment import read_environment
    from scoreline.errors import Unavailable
    from scoreline.testing.kafkas import running_kafka

    told = request.config.getoption("--kafka-bootstrap-servers") or read_environment().get("KAFKA_BOOTSTRAP_SERVERS")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(running_kafka(told))
        except Unavailable as error:
            give_up(request.config, str(error))
        yield running


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
