"""Every situation that scoreline gives a name to, as one tree.

::

    ServiceError
    ├── ConfigError             the configuration or the arguments are wrong
    ├── DependencyError         something remote that scoreline needs
    │   ├── Unavailable         is away for now: worth retrying
    │   └── Refused             has answered, and refuses (credentials, permission, a topic that is missing)
    ├── SchemaError             a schema cannot be used
    │   ├── SchemaNotFound      the registry has answered: there is no such schema
    │   └── SchemaIncompatible  the writer's schema does not give what the model needs
    ├── ModelError
    │   ├── ModelNotFound       the store has answered: no such model, version or alias
    │   ├── FeatureNotFound     no version that is watched has such a feature or output
    │   └── ModelRejected       the artifact is damaged, unsafe or contradicts its manifest
    ├── DeliveryError           outputs were not published, or not acknowledged
    │   ├── RecordTooLarge      one of them is larger than its topic allows
    │   └── StopOverdue         nobody knows, because a stop allowed no more waiting
    ├── TooManyDeadLetters      more of the last records than is allowed could not be scored
    ├── FatalClientError        the Kafka client cannot go on: the process has to end
    ├── MalformedRequest        what a caller sent cannot be read at all
    ├── RequestTooLarge         a caller sent more than is allowed
    ├── InvalidInstances        rows of a caller that cannot be scored
    ├── NotExplainable          a caller asked why of a model that cannot tell
    ├── ResultsGone             results of a job that retention has taken
    └── Overloaded              more concurrent work than is allowed

A bad *record* is not here: it is a value (`scoreline.records.DeadLetter`). Exit codes are in `scoreline.cli.exits`,
HTTP codes in `scoreline.http.errors`; a test walks this tree and fails where either table misses a leaf.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class ServiceError(Exception):
    """Root of all errors that scoreline raises on purpose."""


class ConfigError(ServiceError):
    """The configuration or the arguments are wrong; carries every problem that was found, not just the first."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems: tuple[str, ...] = problems


class DependencyError(ServiceError):
    """Something remote that scoreline needs is missing or refuses."""


class Unavailable(DependencyError):
    """A remote system is away for now; the same call may work later."""


class Refused(DependencyError):
    """A remote system has answered and refuses; repeating the call changes nothing until someone acts."""


class SchemaError(ServiceError):
    """A schema cannot be used."""


class SchemaNotFound(SchemaError):
    """The registry has answered: it has no such schema."""


class SchemaIncompatible(SchemaError):
    """A writer's schema does not give what the model's features need."""


class ModelError(ServiceError):
    """A model cannot be used."""


class ModelNotFound(ModelError):
    """The store has answered: it has no such model, version or alias."""


class FeatureNotFound(ModelError):
    """A caller asked about a feature or an output that no version has."""


class ModelRejected(ModelError):
    """An artifact is damaged, unsafe to load, or contradicts its manifest."""


class DeliveryError(ServiceError):
    """Outputs of a batch were not published, or their acknowledgement did not come; the batch has to be done again."""


class RecordTooLarge(DeliveryError):
    """An output, or a dead letter, of the batch is larger than its topic allows; which one, the broker does not say."""


class StopOverdue(DeliveryError):
    """The time that a stop is allowed was over before the broker had answered; whether the batch is out is unknown."""


class TooManyDeadLetters(ServiceError):
    """More of the last records than is allowed could not be scored: something other than the records is wrong."""


class FatalClientError(ServiceError):
    """The Kafka client reports an error that it cannot recover from; a fresh process goes on from committed offsets."""


class MalformedRequest(ServiceError):
    """What a caller sent cannot be read at all: no JSON, or not in the shape that was asked for."""


class RequestTooLarge(ServiceError):
    """A caller sent more bytes or more rows than is allowed."""


@dataclass(frozen=True, slots=True)
class InstanceProblem:
    """What is wrong with one row of a caller.

    Attributes:
        instance: position of the row in the request, from 0.
        detail: what was expected and what came.
        feature: the feature at fault, where one can be named.
    """

    instance: int
    detail: str
    feature: str | None = None


class InvalidInstances(ServiceError):
    """Rows of a caller that cannot be scored; counts every bad row, and carries what is wrong with the first ones."""

    def __init__(self, problems: Sequence[InstanceProblem], *, untold: int = 0) -> None:
        told = len({p.instance for p in problems})
        rest = f"; the first {told} of them are told" if untold else ""
        super().__init__(f"{told + untold} of the instances cannot be scored{rest}")
        self.problems: tuple[InstanceProblem, ...] = tuple(problems)


class NotExplainable(ServiceError):
    """A caller asked what made a score, but the model is of a kind that does not tell."""


class ResultsGone(ServiceError):
    """Results of a batch job were asked for that retention has taken."""


class Overloaded(ServiceError):
    """More concurrent work than is allowed; the caller should come back after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
