import numpy as np
import pytest

from scoreline.models import booster
from scoreline.models.feature_rules import find_features
from scoreline.models.formats.lightgbm_text import LightGBMFormat
from scoreline.models.probe import Probe, ProbeRequest
from tests.models.builders import statements_for, train


@pytest.mark.parametrize(("shape", "given"), [("binary", (5, 3)), ("multiclass", (5, 4)), ("multiclass", (15,))])
def test_scores_of_another_shape_are_a_rejection(monkeypatch, shape, given):
    trained = train(shape)
    monkeypatch.setattr(booster.LightGBMModel, "predict", lambda *_: np.zeros(given))
    request = ProbeRequest(
        "lightgbm", find_features(trained.facts, statements_for(trained)).features, trained.classes, len(trained.text)
    )
    got = Probe(LightGBMFormat(), request, trained.text).answer(trained.matrix[:5])
    assert got.scores is None
    assert got.rejected is not None
    assert "scores of shape" in got.rejected
