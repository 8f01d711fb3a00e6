"""Compiling in real child processes."""

import errno
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from scoreline.errors import Unavailable
from scoreline.models.compiled import artifacts as artifacts_module
from scoreline.models.compiled import compiler as compiling
from scoreline.models.compiled.artifacts import Artifacts
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.compiler import ModelCompiler
from scoreline.models.compiled.native import NativeCode
from scoreline.models.golden import Golden
from tests.models.builders import score_with_lightgbm, train
from tests.models.compiled.native_models import compile_in_child, load_plain, make_golden, make_objects

pytestmark = pytest.mark.slow

SLEEPING_CHILD = "import sys, time; sys.stdin.buffer.read(); time.sleep(600)"


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path / "compiled")


@pytest.fixture
def children(monkeypatch):
    """Counts child processes."""
    started = []
    run = ModelCompiler._run_child

    def count(self, given, cancellation):
        started.append(len(given))
        return run(self, given, cancellation)

    monkeypatch.setattr(ModelCompiler, "_run_child", count)
    return started


class WatchedCancellation(Cancellation):
    """Tells when there is a child."""

    def __init__(self):
        super().__init__()
        self.attached = threading.Event()

    def attach(self, child):
        super().attach(child)
        self.child = child
        self.attached.set()


def be(monkeypatch, program):
    """Have a child run something else than the compiler."""
    monkeypatch.setattr(compiling, "COMMAND", (compiling.COMMAND[0], "-c", program))


def test_a_model_is_compiled_once_on_a_machine(artifacts, children):
    trained = train("binary")
    first, second = (compile_in_child(ModelCompiler(artifacts), "binary") for _ in range(2))
    assert len(children) == 1
    assert (first.cached, second.cached) == (False, True)
    assert first.equal_rows == 1.0
    for compilation in (first, second):
        assert (
            compilation.model.predict(trained.matrix).tobytes()
            == score_with_lightgbm(trained, trained.matrix).tobytes()
        )


def test_several_classes_are_compiled_too(artifacts):
    trained = train("multiclass")
    scores = compile_in_child(ModelCompiler(artifacts), "multiclass").model.predict(trained.matrix)
    assert scores.tobytes() == score_with_lightgbm(trained, trained.matrix).tobytes()


def test_a_model_with_an_obstacle_is_refused_with_the_reason(artifacts):
    compilation = compile_in_child(ModelCompiler(artifacts), "linear_tree")
    assert compilation.model is None
    assert "linear_tree" in compilation.refused


def test_damaged_code_is_replaced_by_a_fresh_compilation_and_never_loaded(artifacts, children):
    compile_in_child(ModelCompiler(artifacts), "binary")
    (path,) = artifacts.folder.glob("*.objects")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] + bytes(100))
    again = compile_in_child(ModelCompiler(artifacts), "binary")
    assert not again.cached
    assert len(children) == 2
    assert path.read_bytes() == whole


def test_code_that_no_child_has_loaded_here_is_judged_by_one_first(artifacts, children):
    """As after a move of the cache folder to another machine: nothing is compiled again."""
    compile_in_child(ModelCompiler(artifacts), "binary")
    (proof,) = (artifacts.folder / "proved").iterdir()
    proof.unlink()
    again = compile_in_child(ModelCompiler(artifacts), "binary")
    assert again.cached
    assert len(children) == 2
    assert children[1] > children[0] + 1000  # it was given the code


def test_code_that_scores_otherwise_is_refused(artifacts):
    """Whole and loadable, but of another model: as good as a compiler that is wrong."""
    compile_in_child(ModelCompiler(artifacts), "regression")
    (path,) = artifacts.folder.glob("*.objects")
    artifacts.keep(path.name[:64], make_objects("quantile"))
    compilation = compile_in_child(ModelCompiler(artifacts), "regression")
    assert compilation.model is None
    assert "rows get other scores than LightGBM gives" in compilation.refused


def test_code_that_crashes_does_so_in_the_child(artifacts):
    compile_in_child(ModelCompiler(artifacts), "regression")
    (path,) = artifacts.folder.glob("*.objects")
    artifacts.keep(path.name[:64], [b"\x7fELF" + bytes(60)])
    compilation = compile_in_child(ModelCompiler(artifacts), "regression")
    assert compilation.model is None
    assert compilation.refused


def test_golden_scores_that_differ_are_a_refusal(artifacts):
    golden = make_golden(train("binary"))
    wrong = Golden(golden.rows, golden.scores * 1.001, synthetic=True)
    compilation = compile_in_child(ModelCompiler(artifacts), "binary", golden=wrong)
    assert "golden rows give other scores" in compilation.refused


def compile_binary(artifacts, cancellation, **options):
    trained = train("binary")
    compiler = ModelCompiler(artifacts, **options)
    return compiler.compile(load_plain(trained), "ab" * 32, trained.text, make_golden(trained), cancellation)


def test_a_compilation_that_takes_too_long_is_refused(artifacts, monkeypatch):
    be(monkeypatch, SLEEPING_CHILD)
    cancellation = WatchedCancellation()
    compilation = compile_binary(artifacts, cancellation, limit_seconds=0.5)
    assert compilation.refused == "it was not compiled within 0.5 s"
    assert cancellation.child.poll() == -signal.SIGKILL


def test_a_child_that_is_killed_from_outside_may_do_another_time(artifacts, monkeypatch):
    be(monkeypatch, "import os, sys; sys.stdin.buffer.read(); os.kill(os.getpid(), 9)")
    with pytest.raises(Unavailable, match="ended with SIGKILL; out of memory"):
        compile_binary(artifacts, Cancellation())


def test_a_crash_of_the_compiler_is_a_refusal_with_its_last_words(artifacts, monkeypatch):
    be(
        monkeypatch,
        "import os, sys; sys.stdin.buffer.read(); print('LLVM ERROR', file=sys.stderr, flush=True); os.abort()",
    )
    compilation = compile_binary(artifacts, Cancellation())
    assert compilation.refused == "compiling it crashed a child process with SIGABRT: LLVM ERROR"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("OSError(28, 'No space left on device', '/a/secret/place')", "on this machine: No space left on device$"),
        ("MemoryError()", "not enough memory"),
        ("ModelRejected('LightGBM refuses the model: std::bad_alloc')", "not enough memory"),
    ],
)
def test_what_is_wrong_with_the_machine_may_do_another_time(artifacts, monkeypatch, fault, told):
    """And a path is nothing for those who read `/models`."""
    be(
        monkeypatch,
        f"""
import sys, tempfile
from scoreline.errors import ModelRejected
from scoreline.models.compiled.child import main
def fail(*_, **__):
    raise {fault}
tempfile.TemporaryFile = fail
main(int(sys.argv[1]))
""",
    )
    with pytest.raises(Unavailable, match=told) as caught:
        compile_binary(artifacts, Cancellation())
    assert "secret" not in str(caught.value)


def test_a_child_that_gives_up_may_do_another_time(artifacts, monkeypatch):
    be(monkeypatch, "import sys; sys.stdin.buffer.read(); sys.exit('MemoryError')")
    with pytest.raises(Unavailable, match="failed in a child process: MemoryError"):
        compile_binary(artifacts, Cancellation())


def test_a_crash_for_want_of_memory_is_not_the_models_fault(artifacts, monkeypatch):
    be(
        monkeypatch,
        "import os, sys; sys.stdin.buffer.read(); print('LLVM ERROR: out of memory', file=sys.stderr, flush=True);"
        " os.abort()",
    )
    with pytest.raises(Unavailable, match="SIGABRT: LLVM ERROR: out of memory"):
        compile_binary(artifacts, Cancellation())


def test_good_code_that_cannot_be_kept_serves(artifacts, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "/a/secret/place")

    monkeypatch.setattr(artifacts_module, "replace_file", fail)
    trained = train("binary")
    compilation = compile_in_child(ModelCompiler(artifacts), "binary")
    assert compilation.model.predict(trained.matrix).tobytes() == score_with_lightgbm(trained, trained.matrix).tobytes()
    assert "No space left on device" in compilation.unkept
    assert "secret" not in compilation.unkept
    assert not list(artifacts.folder.rglob("*.objects"))


def test_calling_off_ends_the_child_at_once(artifacts, monkeypatch):
    be(monkeypatch, SLEEPING_CHILD)
    cancellation = WatchedCancellation()
    caller = threading.Thread(target=lambda: (cancellation.attached.wait(), cancellation.cancel()))
    caller.start()
    began = time.monotonic()
    with pytest.raises(Unavailable, match="called off"):
        compile_binary(artifacts, cancellation)
    caller.join()
    assert time.monotonic() - began < 10
    assert cancellation.child.poll() is not None


def test_what_is_called_off_before_it_begins_ends_as_soon(artifacts, monkeypatch):
    be(monkeypatch, SLEEPING_CHILD)
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Unavailable, match="called off"):
        compile_binary(artifacts, cancellation)


def test_the_child_has_the_lowest_priority_and_ends_with_its_parent():
    """The real child waits for its task here; its lifeline closes, and it is gone."""
    lifeline, held = os.pipe()
    child = subprocess.Popen(
        (*compiling.COMMAND, str(lifeline)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(lifeline,)
    )
    os.close(lifeline)
    try:
        deadline = time.monotonic() + 20
        while os.getpriority(os.PRIO_PROCESS, child.pid) != 19:
            assert time.monotonic() < deadline
            assert child.poll() is None
        os.close(held)
        assert child.wait(20) == 1
    finally:
        child.kill()
        child.communicate()


def test_code_is_freed_with_its_model():
    """Else each version that comes and goes would leave its code behind."""
    objects = make_objects("binary")

    def resident_bytes():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for _ in range(50):
        NativeCode(objects)
    before = resident_bytes()
    for _ in range(300):
        NativeCode(objects)
    assert resident_bytes() - before < 8 * 2**20
