"""Health as evidence: every component answers for itself, and nothing is ready because nobody has complained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """What one component says of itself now.

    Attributes:
        name: `model`, `stream`, `producer`, `http`, …
        role: the role that it belongs to, None where all roles need it.
        ready: whether it can do its work.
        alive: whether its loop turns; never dependent on a remote system.
        detail: the state in words an operator can act on.
        advisory: whether it only watches. Its failure is shown, but makes nothing unready or not alive: a restart for
            its sake would end predictions that go on without it, again and again where it fails by a defect.
    """

    name: str
    role: str | None
    ready: bool
    alive: bool
    detail: str
    advisory: bool = False


HealthCheck = Callable[[], ComponentHealth]


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All components at one moment, or those that one role needs."""

    components: Sequence[ComponentHealth]

    @property
    def ready(self) -> bool:
        """Whether something is needed here, and all of it can do its work."""
        return bool(self.needed) and all(c.ready for c in self.needed)

    @property
    def alive(self) -> bool:
        """Whether every loop turns that is needed."""
        return all(c.alive for c in self.needed)

    @property
    def needed(self) -> Sequence[ComponentHealth]:
        """Those that do more than watch."""
        return [c for c in self.components if not c.advisory]


class HealthBoard:
    """Where components hang up their checks, once, while the service is wired."""

    def __init__(self) -> None:
        self._checks: list[HealthCheck] = []

    def add(self, check: HealthCheck) -> None:
        """Ask this check too from now on; it has to answer at once and may not raise."""
        self._checks.append(check)

    def report(self, role: str | None = None) -> HealthReport:
        """Ask every check now.

        Args:
            role: only components of this role and those that all roles need.
        """
        found = [check() for check in self._checks]
        return HealthReport([c for c in found if role is None or c.role in (None, role)])
