"""The built-in format passes the checks that other formats have to pass."""

import numpy as np
import pytest

from scoreline.models.formats.lightgbm_text import LightGBMFormat
from scoreline.testing.formats import FORMAT_CHECKS, FormatCase
from tests.models.builders import score_with_lightgbm, statements_for, train

SHAPES = ("regression", "multiclass", "pandas", "linear_tree")


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    trained = train(request.param)
    rows = np.ascontiguousarray(trained.matrix)
    return FormatCase(
        LightGBMFormat(),
        trained.text,
        rows,
        statements=statements_for(trained),
        classes=trained.classes,
        expected=score_with_lightgbm(trained, rows),
    )


@pytest.mark.slow
@pytest.mark.parametrize("check", FORMAT_CHECKS, ids=lambda check: check.__name__)
def test_lightgbms_text_keeps_the_contract(check, case):
    check(case)
