"""Topics as they are or should be, and what of them is missing or not permitted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as it is, or as it is to be created.

    Attributes:
        partitions: at least 1; 0 of a topic that this user may not even see, if it is there at all.
        replication_factor: -1 leaves it to the broker.
        configs: `max.message.bytes`, `cleanup.policy`, …; all effective ones of a topic that exists.
        allowed_operations: what this user may do with a topic that exists: `READ`, `WRITE`, …; none where the broker
            does not tell.
    """

    name: str
    partitions: int
    replication_factor: int = -1
    configs: Mapping[str, str] = field(default_factory=dict)
    allowed_operations: frozenset[str] = frozenset()

    @property
    def hidden(self) -> bool:
        """Whether the broker tells this user nothing about it."""
        return self.partitions == 0


def find_forbidden(
    found: Mapping[str, TopicDescription], *, read: Collection[str], written: Collection[str]
) -> list[tuple[str, str]]:
    """Topics that are there, but not for this user, each with what is to be done about it."""
    others = [name for name, topic in found.items() if topic.hidden and name not in {*read, *written}]
    return [
        (name, _describe_forbidden(operation, found[name]))
        for operation, needed in (("READ", read), ("WRITE", written), ("DESCRIBE", others))
        for name in needed
        if name in found and not _is_allowed(operation, found[name])
    ]


def describe_missing(names: Sequence[str]) -> list[str]:
    """That topics are not there, and what is to be done about it; nothing where there are none."""
    if not names:
        return []
    if len(names) == 1:
        return [f"the topic {names[0]} does not exist: correct the name, or create it with `scoreline topics create`"]
    listed = " and ".join([", ".join(names[:-1]), names[-1]])
    return [f"the topics {listed} do not exist: correct the names, or create them with `scoreline topics create`"]


def _is_allowed(operation: str, topic: TopicDescription) -> bool:
    # None at all means that the broker does not tell: who may look at a topic may at least describe it.
    return not topic.hidden and (not topic.allowed_operations or operation in topic.allowed_operations)


def _describe_forbidden(operation: str, topic: TopicDescription) -> str:
    told = f"this user may not {operation} the topic {topic.name}"
    if topic.hidden:
        neither = "" if operation == "DESCRIBE" else ", nor even DESCRIBE it"
        return f"{told}{neither}, or it does not exist (the broker only says TOPIC_AUTHORIZATION_FAILED); grant it"
    return f"{told}; grant it"
