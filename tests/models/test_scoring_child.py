"""One child process for many matrices."""

import sys

import numpy as np
import pytest

from scoreline.errors import ModelRejected
from scoreline.models import scoring_child
from scoreline.models.feature_rules import find_features
from scoreline.models.formats.lightgbm_text import LightGBMFormat
from scoreline.models.scoring_child import ScoringChild
from tests.models.builders import score_with_lightgbm, statements_for, train

ONE_ANSWER = """
import sys
sys.stdout.write('{"scores": "AAAAAAAA8D8="}\\n')
sys.stdout.flush()
"""


def open_child(shape="regression", time_limit_seconds=60.0):
    trained = train(shape)
    features = find_features(trained.facts, statements_for(trained))
    given = LightGBMFormat(), trained.text, features, trained.classes
    return ScoringChild(*given, time_limit_seconds=time_limit_seconds)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["regression", "multiclass"])
def test_the_same_process_scores_every_matrix(shape):
    trained = train(shape)
    with open_child(shape) as child:
        pid = child._child.pid
        parts = [child.score(trained.matrix[part]) for part in (slice(0, 3), slice(3, 3), slice(3, 9))]
        assert child._child.pid == pid
        child.finish()
    assert np.concatenate(parts).tobytes() == score_with_lightgbm(trained, trained.matrix[:9]).tobytes()
    assert child._child.returncode == 0


def test_a_child_that_ends_between_two_matrices_is_named(monkeypatch):
    monkeypatch.setattr(scoring_child, "_COMMAND", (sys.executable, "-S", "-c", ONE_ANSWER + "sys.exit('worn out')"))
    row = np.zeros((1, 2))
    with open_child() as child:
        assert child.score(row).tolist() == [1.0]
        with pytest.raises(ModelRejected, match="worn out"):
            child.score(row)


def test_a_child_that_crashes_once_it_is_done_is_named(monkeypatch):
    crash = "sys.stdin.read(); import os; os.abort()"
    monkeypatch.setattr(scoring_child, "_COMMAND", (sys.executable, "-S", "-c", ONE_ANSWER + crash))
    with open_child() as child:
        child.score(np.zeros((1, 2)))
        with pytest.raises(ModelRejected, match="SIGABRT"):
            child.finish()


def test_no_child_is_left_behind_by_an_error(monkeypatch):
    monkeypatch.setattr(scoring_child, "_COMMAND", (sys.executable, "-S", "-c", "import signal; signal.pause()"))
    with pytest.raises(ZeroDivisionError), open_child() as child:
        raise ZeroDivisionError
    assert child._child.returncode is not None
