"""From a model that LightGBM has loaded to the same model compiled, or to the reason why not."""

import os
import subprocess
import sys
from collections.abc import Sequence

import msgspec
import numpy as np

from scoreline.errors import ModelRejected, Refused, Unavailable
from scoreline.features import Matrix
from scoreline.models.booster import LightGBMModel
from scoreline.models.child_end import ChildEnd
from scoreline.models.compiled.artifacts import Artifacts
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.child import Answer, Task
from scoreline.models.compiled.model import CompiledModel
from scoreline.models.compiled.native import NativeCode
from scoreline.models.compiled.outcomes import Compilation
from scoreline.models.compiled.pieces import cut_pieces
from scoreline.models.golden import Golden
from scoreline.models.verification import check_golden, golden_matrix

LIMIT_SECONDS = 3600.0
"""Of one compilation: forests of a thousand trees take minutes where nothing else asks for the processor."""

COMMAND = (sys.executable, "-P", "-m", "scoreline.models.compiled.child")
_OUT_OF_MEMORY = (b"out of memory", b"bad_alloc", b"bad alloc")
"""What LLVM and C++ say last where they get none; they end the process then."""


class ModelCompiler:
    """Compiles models, each in a child process of its own. Safe to call from several threads at once."""

    def __init__(self, artifacts: Artifacts, *, limit_seconds: float = LIMIT_SECONDS) -> None:
        """Name where compiled code is kept, and how long one compilation may take."""
        self._artifacts = artifacts
        self._limit_seconds = limit_seconds

    def compile(
        self, plain: LightGBMModel, sha256: str, text: bytes, golden: Golden, cancellation: Cancellation
    ) -> Compilation:
        """Compile a model that already serves, or take what was compiled earlier on this machine.

        Args:
            plain: the model.
            sha256: of its text, hexadecimal.
            text: what it was loaded from.
            golden: rows with the scores that it has to give.
            cancellation: to call it off with.

        Raises:
            Unavailable, Refused: no child process can be started, it was ended from outside or called off, the machine
                has no room for it, or the cache folder cannot be read.
        """
        rows = golden_matrix(plain.features, golden)
        unkept = ""
        kept = self._artifacts.find(sha256)
        if kept is not None and self._artifacts.was_proved(sha256, kept):
            answer, objects = Answer(rows=1, equal_rows=1), kept
        else:
            answer, objects = self._ask_child(plain, text, rows, kept or (), cancellation)
            if answer.refused is not None:
                return Compilation(None, refused=answer.refused)
            unkept = self._keep(sha256, objects)
        try:
            model = CompiledModel(NativeCode(objects), plain)
            check_golden(golden, model.predict(rows))
        except ModelRejected as error:
            return Compilation(None, refused=str(error))
        equal_rows = answer.equal_rows / answer.rows
        return Compilation(model, cached=kept is not None, equal_rows=equal_rows, unkept=unkept)

    def _keep(self, sha256: str, objects: Sequence[bytes]) -> str:
        """Why good code could not be kept, which is no reason not to serve it; empty where it was."""
        try:
            self._artifacts.keep(sha256, objects)
            self._artifacts.remember_proved(sha256, objects)
        except (Unavailable, Refused) as error:
            return str(error)
        return ""

    def _ask_child(
        self, plain: LightGBMModel, text: bytes, rows: Matrix, objects: Sequence[bytes], cancellation: Cancellation
    ) -> tuple[Answer, tuple[bytes, ...]]:
        task = Task(
            features=plain.features.names,
            classes=plain.classes,
            text_bytes=len(text),
            golden_rows=len(rows),
            object_sizes=tuple(map(len, objects)),
            folder=str(self._artifacts.folder),
        )
        given = b"".join([msgspec.json.encode(task), b"\n", text, np.ascontiguousarray(rows).tobytes(), *objects])
        status, output, errors = self._run_child(given, cancellation)
        if cancellation.cancelled:
            raise Unavailable("the compilation was called off")
        if status is None:
            return Answer(refused=f"it was not compiled within {self._limit_seconds:g} s"), ()
        if status:
            return Answer(refused=_name_end(status, errors)), ()
        line, _, body = output.partition(b"\n")
        answer = msgspec.json.decode(line, type=Answer)
        if answer.failed is not None:
            raise Unavailable(answer.failed)
        return answer, tuple(cut_pieces(body, answer.object_sizes))

    def _run_child(self, given: bytes, cancellation: Cancellation) -> tuple[int | None, bytes, bytes]:
        """Exit status, None where time ran out; what the child wrote to its two outputs."""
        lifeline, held = os.pipe()
        try:
            with subprocess.Popen(
                (*COMMAND, str(lifeline)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(lifeline,),
            ) as child:
                cancellation.attach(child)
                try:
                    output, errors = child.communicate(given, timeout=self._limit_seconds)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.communicate()
                    return None, b"", b""
                except BaseException:
                    child.kill()
                    raise
                return child.returncode, output, errors
        except OSError as error:
            raise Unavailable(f"no child process can be started to compile the model: {error.strerror}") from error
        finally:
            os.close(lifeline)
            os.close(held)


def _name_end(status: int, errors: bytes) -> str:
    """Why a child that the model has crashed ended without an answer.

    Raises:
        Unavailable: it was not the model: someone ended it, there was no memory, or Python gave up; another time it may
            do.
    """
    end = ChildEnd.of(status, errors)
    if end.crashed_with is None:
        raise Unavailable(f"compiling it failed in a child process: {end.last_words}")
    if end.from_outside:
        raise Unavailable(
            f"the child process that compiled the model was ended with {end.crashed_with}; out of memory?"
        )
    crash = f"compiling it crashed a child process with {end.crashed_with}: {end.last_words}"
    if any(words in errors.lower() for words in _OUT_OF_MEMORY):
        raise Unavailable(crash)
    return crash
