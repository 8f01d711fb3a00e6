"""The area under the curve against an oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss

from scoreline.demo.quality import area_under_curve, log_loss


@pytest.mark.slow
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_it_equals_the_share_of_pairs_in_the_right_order(pairs):
    """The definition itself, pair by pair, ties counted half."""
    positives = [score for label, score in pairs if label]
    negatives = [score for label, score in pairs if not label]
    if not positives or not negatives:
        return
    wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    labels = np.array([float(label) for label, _ in pairs])
    found = area_under_curve(labels, [score for _, score in pairs])
    assert abs(found - wins / (len(positives) * len(negatives))) < 1e-12


def test_log_loss_is_that_of_scikit_learn():
    """Certain and wrong ones too."""
    labels, scores = np.array([1.0, 0.0, 1.0, 0.0]), [0.9, 0.2, 0.0, 1.0]
    assert log_loss(labels, scores) == pytest.approx(sklearn_log_loss(labels, scores))
