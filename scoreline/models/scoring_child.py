"""A child process that loads an artifact once and scores matrix after matrix: whatever it dies of hurts nobody."""

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import IO, Self

import msgspec
import numpy as np

from scoreline.errors import ModelRejected, Refused, Unavailable
from scoreline.features import FeatureSet, Matrix
from scoreline.models.child_end import ChildEnd
from scoreline.models.formats.model_format import ModelFormat
from scoreline.models.model import Scores
from scoreline.models.probe import ProbeAnswer, ProbeRequest, pack_rows

_COMMAND = (sys.executable, "-P", "-m", "scoreline.models.probe")


class ScoringChild:
    """Runs from `with` on, and ends with it; for one thread at a time. The thread that starts it has to outlive it.

    Args:
        time_limit_seconds: for each matrix; the first one waits for the load as well.
        behind: whether everything else on this machine goes first: nobody waits for it, and it takes a second.
    """

    def __init__(
        self,
        model_format: ModelFormat,
        artifact: bytes,
        features: FeatureSet,
        classes: tuple[str, ...] | None,
        *,
        time_limit_seconds: float,
        behind: bool = False,
    ) -> None:
        self._runtime = model_format.runtime
        request = ProbeRequest(model_format.name, features.features, classes, len(artifact))
        self._unsent = [msgspec.json.encode(request), b"\n", artifact]
        self._shape = () if classes is None else (len(classes),)
        self._time_limit_seconds = time_limit_seconds
        self._behind = behind
        self._is_late = False

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            Unavailable: no child process can be started.
        """
        command = (*_find_nice(), *_COMMAND) if self._behind else _COMMAND
        with ExitStack() as opened:
            try:
                # In a file, since nobody reads them before the end.
                self._errors = opened.enter_context(tempfile.TemporaryFile())
                pipe = subprocess.PIPE
                self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._errors)
            except OSError as error:
                raise Unavailable(f"no child process can be started to probe the model: {error}") from error
            opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """End it, whatever it does."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(BrokenPipeError):
                _opened(pipe).close()
        self._errors.close()

    def score(self, rows: Matrix) -> Scores:
        """Score settled rows.

        Returns:
            Shape (rows,), or (rows, classes) for a multi-class model.

        Raises:
            ModelRejected: the artifact is malformed, its library refuses it, or the child crashed or did not finish.
            Refused: the format, or its library, does not load on this machine.
            Unavailable: somebody has ended the child.
        """
        answer = msgspec.json.decode(self._exchange(rows), type=ProbeAnswer)
        if answer.unusable is not None:
            raise Refused(answer.unusable)
        if answer.scores is None:
            raise ModelRejected(answer.rejected or "the probe gave no reason")
        return np.frombuffer(answer.scores, dtype=np.float64).reshape(len(rows), *self._shape).copy()

    def finish(self) -> None:
        """Wait for its end, which is what rejects a model that crashes when it is over.

        Raises:
            ModelRejected, Unavailable: as `score` does.
        """
        with self._limit_time():
            with suppress(BrokenPipeError):
                _opened(self._child.stdin).close()
            status = self._child.wait()
        if status:
            raise self._name_end()

    def _exchange(self, rows: Matrix) -> bytes:
        unsent, self._unsent = [*self._unsent, *pack_rows(rows)], []
        with self._limit_time():
            self._send(unsent)
            line = _opened(self._child.stdout).readline()
        if not line:
            raise self._name_end()
        return line

    def _send(self, parts: list[bytes]) -> None:
        given = _opened(self._child.stdin)
        with suppress(BrokenPipeError):  # it has ended: what it said last, or how it ended, says why
            given.writelines(parts)
            given.flush()

    @contextmanager
    def _limit_time(self) -> Iterator[None]:
        timer = threading.Timer(self._time_limit_seconds, self._end_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end_late(self) -> None:
        self._is_late = True
        self._child.kill()

    def _name_end(self) -> ModelRejected | Unavailable:
        status = self._child.wait()
        if self._is_late:
            limit = self._time_limit_seconds
            return ModelRejected(f"{self._runtime} did not load and score it within {limit:.0f} s")
        self._errors.seek(0)
        end = ChildEnd.of(status, self._errors.read())
        if end.crashed_with is None:
            return ModelRejected(f"loading it failed in a child process: {end.last_words}")
        if end.from_outside:
            return Unavailable(
                f"the child process that probed the model was ended with {end.crashed_with}; out of memory?"
            )
        return ModelRejected(f"{self._runtime} crashed on it with {end.crashed_with}: the file is damaged")


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the child was started without its pipes")
    return pipe


def _find_nice() -> tuple[str, ...]:
    """From its very start on: what Python imports is most of it. A system without `nice` does without."""
    nice = shutil.which("nice")
    return () if nice is None else (nice, "-n", "19")
