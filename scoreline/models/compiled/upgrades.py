"""Has versions that LightGBM serves compiled in the background, one at a time, and hands them back improved."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from scoreline.errors import ServiceError
from scoreline.models.booster import LightGBMModel
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.model import CompiledModel
from scoreline.models.compiled.outcomes import Compilation, EngineState, Upgrade, UpgradeListener, UpgradeOutcome
from scoreline.models.model import ModelVersion
from scoreline.records import Clock

logger = logging.getLogger("scoreline.models")

RETRY_SECONDS = 3600.0
"""After which what failed for a reason outside the model is tried again."""

Compile = Callable[[ModelVersion, Cancellation], Compilation]
"""Compiles a version that LightGBM serves; raises `ServiceError` where that failed for a reason outside the model."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A version that should be compiled, as LightGBM serves it.

    Attributes:
        done: whether the version was handed back compiled.
        again_at: when to try again, on the clock; None where trying again is of no use.
    """

    plain: LightGBMModel
    version: ModelVersion
    done: bool = False
    detail: str | None = None
    again_at: float | None = 0.0


class EngineUpgrades:
    """Compiles wanted versions on a thread of its own. Safe to call from several threads at once.

    Nothing waits for it: while a version is compiled, or where it cannot be, LightGBM answers.
    """

    def __init__(
        self,
        compile_version: Compile,
        improve: Callable[[ModelVersion], object],
        *,
        listeners: Iterable[UpgradeListener] = (),
        clock: Clock = time.monotonic,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """Start with nothing wanted; the thread starts with the first version that is.

        Args:
            compile_version: as `scoreline.models.compiled.versions.VersionCompiler` does.
            improve: given the same version with compiled code, called on the thread; puts it in the old one's place.
            listeners: told of every attempt.
            clock: seconds, monotonic.
            retry_seconds: see `RETRY_SECONDS`.
        """
        self._compile = compile_version
        self._improve = improve
        self._listeners = tuple(listeners)
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._condition = threading.Condition()
        self._wanted: dict[int, _Wanted] = {}
        self._running: tuple[LightGBMModel, Cancellation] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False

    def want(self, versions: Sequence[ModelVersion]) -> None:
        """Say which versions are resident now, the one that matters most first; to be called whenever that changes.

        What is no longer among them is called off. Versions that LightGBM does not serve are left alone.
        """
        with self._condition:
            known, self._wanted = self._wanted, {}
            for version in versions:
                plain = _plain_of(version)
                if plain is None:
                    continue
                before = known.get(version.version)
                same = before is not None and before.plain is plain
                fresh = _Wanted(plain, version, done=version.model is not plain)
                self._wanted[version.version] = before if before is not None and same else fresh
            if self._running is not None and all(w.plain is not self._running[0] for w in self._wanted.values()):
                self._running[1].cancel()
            if self._wanted and self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="compiling", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def describe(self, number: int) -> EngineState:
        """What computes the scores of a resident version."""
        with self._condition:
            wanted = self._wanted.get(number)
            if wanted is None:
                return EngineState(LightGBMModel.engine)
            compiling = self._running is not None and self._running[0] is wanted.plain
            engine = CompiledModel.engine if wanted.done else LightGBMModel.engine
            return EngineState(engine, compiling, wanted.detail)

    def stop(self, *, within_seconds: float = 5.0) -> None:
        """Call off what is going on, and begin nothing more; its child process is ended at once."""
        with self._condition:
            self._stopping = True
            if self._running is not None:
                self._running[1].cancel()
            self._condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(within_seconds)

    def _run(self) -> None:
        while (wanted := self._next()) is not None:
            cancellation = Cancellation()
            if not self._begin(wanted, cancellation):
                continue
            upgrade, again_at = self._try(wanted, cancellation)
            if self._end(wanted, cancellation, upgrade, again_at):
                for listener in self._listeners:
                    listener.upgraded(upgrade)

    def _begin(self, wanted: _Wanted, cancellation: Cancellation) -> bool:
        """Whether it is still wanted."""
        with self._condition:
            begins = not self._stopping and self._wanted.get(wanted.version.version) is wanted
            if begins:
                self._running = (wanted.plain, cancellation)
            return begins

    def _end(self, wanted: _Wanted, cancellation: Cancellation, upgrade: Upgrade, again_at: float | None) -> bool:
        """Whether it is still wanted; keeps then what came of it."""
        number = wanted.version.version
        with self._condition:
            self._running = None
            counts = not cancellation.cancelled and self._wanted.get(number) is wanted
            if counts:
                done = upgrade.outcome in (UpgradeOutcome.COMPILED, UpgradeOutcome.CACHED)
                self._wanted[number] = replace(wanted, done=done, detail=upgrade.detail or None, again_at=again_at)
            return counts

    def _next(self) -> _Wanted | None:
        """The first version that is to be compiled; waits for one; None when it is time to stop."""
        with self._condition:
            while not self._stopping:
                now = self._clock()
                waiting = [w for w in self._wanted.values() if not w.done and w.again_at is not None]
                ready = [w for w in waiting if w.again_at is not None and w.again_at <= now]
                if ready:
                    return ready[0]
                soonest = min((w.again_at for w in waiting if w.again_at is not None), default=None)
                self._condition.wait(None if soonest is None else max(0.0, soonest - now))
            return None

    def _try(self, wanted: _Wanted, cancellation: Cancellation) -> tuple[Upgrade, float | None]:
        """One attempt, and when to try again; never raises, since nothing that fails here may end what serves."""
        version = wanted.version
        began = self._clock()
        try:
            compilation = self._compile(version, cancellation)
            seconds = self._clock() - began
            if compilation.model is None:
                return Upgrade(version, UpgradeOutcome.REFUSED, seconds, compilation.refused or ""), None
            improved = replace(version, model=compilation.model)
            if not cancellation.cancelled:
                self._improve(improved)
            outcome = UpgradeOutcome.CACHED if compilation.cached else UpgradeOutcome.COMPILED
            told, unkept = compilation.equal_rows, compilation.unkept
            return Upgrade(improved, outcome, seconds, equal_rows=told, unkept=unkept), None
        except ServiceError as error:
            detail = str(error)
        except Exception as error:
            logger.exception("compiling a version failed", extra={"event": "compilation_crashed"})
            detail = f"{type(error).__name__}: {error}"
        now = self._clock()
        return Upgrade(version, UpgradeOutcome.FAILED, now - began, detail), now + self._retry_seconds


def _plain_of(version: ModelVersion) -> LightGBMModel | None:
    """The model as LightGBM serves it; None where it is of another kind."""
    if isinstance(version.model, CompiledModel):
        return version.model.plain
    return version.model if isinstance(version.model, LightGBMModel) else None
