"""How long to wait before the same thing is tried again."""

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Doubling delays with jitter, so that many members do not come back in step.

    After "Exponential Backoff And Jitter" (M. Brooker, 2015): a delay is uniform between a part of the bound and the
    bound, and the bound doubles with every failure in a row.

    Attributes:
        first_seconds: bound of the first delay.
        limit_seconds: the bound never grows over this.
        jitter: by which part of the bound a delay may be shorter.
    """

    first_seconds: float = 0.2
    limit_seconds: float = 30.0
    jitter: float = 0.75
    rng: random.Random = field(default_factory=random.Random)
    failures: int = field(default=0, init=False)

    def next_seconds(self) -> float:
        """Count a failure and say how long to wait."""
        bound = min(self.limit_seconds, self.first_seconds * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return self.rng.uniform((1 - self.jitter) * bound, bound)

    def reset(self) -> None:
        """Something worked: the next delay is a first one again."""
        self.failures = 0
