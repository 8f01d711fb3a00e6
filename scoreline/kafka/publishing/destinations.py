"""Where outputs and dead letters go."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scoreline.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Destinations:
    """The two topics of a stream, as they are when it starts: a change under way would break the order.

    Attributes:
        partition_counts: of both topics, others may be among them.
        output_headers: whether predictions name model and version in headers too.

    Raises:
        ConfigError: a topic has no partition count.
    """

    output_topic: str
    dead_letter_topic: str
    partition_counts: Mapping[str, int]
    output_headers: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "partition_counts", MappingProxyType(dict(self.partition_counts)))
        missing = [t for t in (self.output_topic, self.dead_letter_topic) if self.partition_counts.get(t, 0) < 1]
        if missing:
            raise ConfigError(*(f"the partition count of the topic {t} is not known" for t in missing))
