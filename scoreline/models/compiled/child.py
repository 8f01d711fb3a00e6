"""`python -m scoreline.models.compiled.child`: compile a model, and compare it with LightGBM, in a process of its own.

It runs at the lowest priority, is the first to go when memory is short, gives its memory back by ending, and may die of
what it loads. Reads a task from standard input and writes one answer to standard output; ends when its parent does.
Started by `scoreline.models.compiled.compiler`, never by hand.
"""

import os
import resource
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from scoreline.errors import ModelRejected
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.models.compiled.pieces import cut_pieces

_LOWEST_PRIORITY = 19
_FREE_BYTES, _BYTES_PER_TEXT_BYTE = 3 * 2**30, 64
_DEEPEST_TREE = 50_000
_FIRST_TO_GO = "1000"
_NO_MEMORY = "there was not enough memory to compile it"
_UNNEEDED = ("pandas", "sklearn", "pyarrow", "matplotlib", "graphviz", "dask", "polars")
"""What LightGBM and lleaves import where it is installed, and what a prediction from a matrix does without."""


class Task(msgspec.Struct, frozen=True):
    """First line of the input; then come the model text, golden rows as float64, and object files to be judged.

    Attributes:
        object_sizes: of the object files; without any, the model is compiled.
        folder: for temporary files.
    """

    features: tuple[str, ...]
    classes: tuple[str, ...] | None
    text_bytes: int
    golden_rows: int
    object_sizes: tuple[int, ...]
    folder: str


class Answer(msgspec.Struct, frozen=True):
    """First line of the output; then come the object files, if they may serve.

    Attributes:
        refused: why this model is not to be served compiled.
        failed: what is wrong with the machine; another time it may do.
        rows: how many rows were compared.
        equal_rows: of them, how many have the same bits.
    """

    refused: str | None = None
    failed: str | None = None
    rows: int = 0
    equal_rows: int = 0
    object_sizes: tuple[int, ...] = ()


def carry_out(task: Task, text: bytes, golden: Matrix, objects: Sequence[bytes]) -> tuple[Answer, Sequence[bytes]]:
    """Compile the model unless there are object files already; load them, and compare what they give with LightGBM."""
    sys.modules.update(dict.fromkeys(_UNNEEDED))  # type: ignore[arg-type]  # None makes an import fail at once
    sys.setrecursionlimit(_DEEPEST_TREE)
    from scoreline.models.booster import LightGBMModel
    from scoreline.models.compiled.forest import write_forest
    from scoreline.models.compiled.model import CompiledModel
    from scoreline.models.compiled.native import NativeCode, compile_object
    from scoreline.models.compiled.obstacles import find_obstacle
    from scoreline.models.compiled.parity import find_difference, make_rows
    from scoreline.models.inspection import inspect_model
    from scoreline.models.model_text import split_model_text

    try:
        plain = LightGBMModel(text.decode(), FeatureSet(tuple(map(Feature, task.features))), task.classes)
        obstacle = find_obstacle(text)
        if obstacle is not None:
            return Answer(refused=obstacle), ()
        rows = np.concatenate([golden, make_rows(inspect_model(text))])
        if not objects:
            objects = [compile_object(module) for module in write_forest(split_model_text(text), Path(task.folder))]
        scores = CompiledModel(NativeCode(objects), plain).predict(rows)
    except MemoryError:
        return Answer(failed=_NO_MEMORY), ()
    except ModelRejected as error:
        # LightGBM says it in C++'s words, as it would of a bad model.
        return (Answer(failed=_NO_MEMORY) if "bad_alloc" in str(error) else Answer(refused=str(error))), ()
    except OSError as error:
        # Without the file's name: people who may not know the machine read this.
        return Answer(failed=f"it could not be compiled on this machine: {error.strerror or type(error).__name__}"), ()
    except Exception as error:  # noqa: BLE001  whatever a compiler says of a model: the answer is that it does not
        return Answer(refused=f"it does not compile: {type(error).__name__}: {error}"), ()
    expected = plain.predict(rows)
    difference = find_difference(expected, scores)
    if difference is not None:
        return Answer(refused=difference), ()
    equal = (expected.reshape(len(rows), -1) == scores.reshape(len(rows), -1)).all(axis=1)
    return Answer(rows=len(rows), equal_rows=int(equal.sum()), object_sizes=tuple(map(len, objects))), objects


def main(lifeline: int) -> None:
    """Carry out the one task on standard input.

    Args:
        lifeline: descriptor of a pipe that closes when the parent ends, however it does.
    """
    os.nice(_LOWEST_PRIORITY)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _go_first_when_memory_is_short()
    # LightGBM prints to standard output; the answer must stand there alone.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        line, _, body = sys.stdin.buffer.read().partition(b"\n")
        task = msgspec.json.decode(line, type=Task)
        bound = _FREE_BYTES + _BYTES_PER_TEXT_BYTE * task.text_bytes
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        width = len(task.features)
        sizes = (task.text_bytes, task.golden_rows * width * np.dtype(np.float64).itemsize, *task.object_sizes)
        text, golden, *objects = cut_pieces(body, sizes)
        matrix = np.frombuffer(golden, dtype=np.float64).reshape(-1, width)
        answer, made = carry_out(task, text, matrix, objects)
        answers.writelines([msgspec.json.encode(answer), b"\n", *made])


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)  # whatever the compiler is in the middle of


def _go_first_when_memory_is_short() -> None:
    """Have Linux end this process rather than the service beside it; other systems have no such file."""
    own = Path("/proc/self/oom_score_adj")
    if own.exists():
        own.write_text(_FIRST_TO_GO)


if __name__ == "__main__":
    main(int(sys.argv[1]))
