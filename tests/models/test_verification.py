import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from scoreline.errors import ModelRejected, Refused, Unavailable
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models import scoring_child
from scoreline.models.feature_rules import find_features
from scoreline.models.formats.lightgbm_text import LightGBMFormat
from scoreline.models.golden import Golden
from scoreline.models.verification import check_golden, golden_matrix, probe_model
from scoreline.testing.processes import ends
from tests.models.builders import score_with_lightgbm, statements_for, train


def probe(trained, text=None, **options):
    features = find_features(trained.facts, statements_for(trained))
    model = (text or trained.text, features, trained.classes)
    return probe_model(LightGBMFormat(), *model, trained.matrix[:5], **options)


def replace_child(monkeypatch, code):
    monkeypatch.setattr(scoring_child, "_COMMAND", (sys.executable, "-S", "-c", code))


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["multiclass", "linear_tree", "pandas"])
def test_a_child_process_gives_the_bits_of_booster_predict(shape):
    trained = train(shape)
    assert probe(trained).tobytes() == score_with_lightgbm(trained, trained.matrix[:5]).tobytes()


@pytest.mark.slow
def test_a_text_that_kills_lightgbm_is_rejected_with_the_signal():
    """A weight that is no number passes our reading, because no prediction needs it, and aborts LightGBM's parser."""
    trained = train("regression")
    at = trained.text.index(b"leaf_weight=") + len(b"leaf_weight=")
    text = trained.text[:at] + b"[" + trained.text[at + 1 :]
    with pytest.raises(ModelRejected, match="crashed on it with SIGABRT"):
        probe(trained, text)


@pytest.mark.slow
def test_a_truncated_text_is_rejected_before_lightgbm_sees_it():
    """In the child too: what a version holds is inspected wherever it is probed."""
    trained = train("regression")
    with pytest.raises(ModelRejected, match="truncated"):
        probe(trained, trained.text[:900])


@pytest.mark.slow
def test_what_lightgbm_refuses_is_rejected_with_its_words():
    trained = train("binary")
    with pytest.raises(ModelRejected, match="Unknown objective"):
        probe(trained, trained.text.replace(b"objective=binary", b"objective=binaries"))


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS"])
def test_a_crash_is_named(monkeypatch, name):
    replace_child(monkeypatch, f"import os, signal; os.kill(os.getpid(), signal.{name})")
    with pytest.raises(ModelRejected, match=name):
        probe(train("binary"))


def test_a_child_that_was_ended_from_outside_says_nothing_about_the_model(monkeypatch):
    replace_child(monkeypatch, f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    with pytest.raises(Unavailable, match="SIGKILL"):
        probe(train("binary"))


def test_a_child_that_does_not_end_is_rejected_after_the_time_limit(monkeypatch):
    replace_child(monkeypatch, "import signal; signal.pause()")
    with pytest.raises(ModelRejected, match="within 0 s"):
        probe(train("binary"), time_limit_seconds=0.1)


def test_a_child_that_fails_is_rejected_with_its_last_line(monkeypatch):
    replace_child(monkeypatch, "raise MemoryError('too much')")
    with pytest.raises(ModelRejected, match="MemoryError: too much"):
        probe(train("binary"))


def test_a_machine_without_lightgbm_is_not_the_models_fault(monkeypatch):
    replace_child(monkeypatch, """print('{"unusable": "libgomp.so.1: cannot open shared object file"}')""")
    with pytest.raises(Refused, match="libgomp"):
        probe(train("binary"))


def test_a_child_that_cannot_be_started_is_not_the_models_fault(monkeypatch):
    monkeypatch.setattr(scoring_child, "_COMMAND", ("/nowhere/python",))
    with pytest.raises(Unavailable, match="no child process"):
        probe(train("binary"))


def test_golden_scores_may_differ_in_the_last_bits_only():
    """Another CPU's `exp` is not the same to the last bit."""
    golden = Golden([[1.0], [2.0]], np.array([0.25, 1e-12]), synthetic=True)
    check_golden(golden, np.nextafter(golden.scores, 1))
    with pytest.raises(ModelRejected, match=r"1 scores differ; golden row 1 should give 1e-12"):
        check_golden(golden, golden.scores + np.array([0.0, 1e-14]))
    with pytest.raises(ModelRejected, match="shape"):
        check_golden(golden, np.zeros((2, 2)))


LEVELLED = FeatureSet((Feature("place", Kind.CATEGORICAL, levels=("a", "b")), Feature("x", nullable=False)))


def test_golden_rows_become_the_matrix_that_a_record_would_give():
    golden = Golden([["b", 1], [None, True], ["?", 2.5]], np.zeros(3), synthetic=False)
    matrix = golden_matrix(LEVELLED, golden)
    assert np.array_equal(matrix, [[1, 1], [np.nan, 1], [np.nan, 2.5]], equal_nan=True)


@pytest.mark.parametrize(
    ("row", "message"), [(["a", None], "is null"), (["a", "x"], "has to be a number"), (["a", 10**400], "too large")]
)
def test_golden_rows_that_contradict_the_features_are_rejected(row, message):
    with pytest.raises(ModelRejected, match=message):
        golden_matrix(LEVELLED, Golden([row], np.zeros(1), synthetic=False))


@pytest.mark.slow
def test_the_child_ends_with_whoever_waits_for_it():
    """A parser that hangs would otherwise hold a core for good once the service has stopped."""
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'from scoreline.models.probe import end_with_parent as e; e();"
        " print(1, flush=True); import signal; signal.pause()'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ends(int(done.stdout))


@pytest.mark.skipif(shutil.which("nice") is None, reason="this system has no nice")
def test_a_child_behind_all_else_has_the_lowest_priority_from_its_start(monkeypatch):
    replace_child(monkeypatch, "import os, sys; sys.exit(f'nice {os.nice(0)}')")
    for behind, nice in ((True, 19), (False, 0)):
        with pytest.raises(ModelRejected, match=f"nice {nice}$"):
            probe(train("binary"), behind=behind)
