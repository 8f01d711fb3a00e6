"""The example format passes the same checks as the one that is built in."""

import pytest

from scoreline.errors import ConfigError, ModelRejected
from scoreline.models.formats import ColumnTypes, FeatureStatement
from scoreline.testing.formats import FORMAT_CHECKS, FormatCase
from tests.examples.onnx_models import MODELS, make_classifier, make_trees

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=MODELS)
def case(request, scoreline_onnx):
    made = MODELS[request.param]()
    return FormatCase(
        scoreline_onnx.OnnxFormat(),
        made.artifact,
        made.rows,
        file_name="model.onnx",
        statements=made.statements,
        classes=made.classes,
        expected=made.expected,
    )


@pytest.mark.parametrize("check", FORMAT_CHECKS, ids=lambda check: check.__name__)
def test_the_example_format_keeps_the_contract(check, case):
    check(case)


def test_columns_without_names_have_to_be_named(scoreline_onnx):
    made = make_trees()
    with pytest.raises(ConfigError, match=r"does not name its 3 features.*--features"):
        scoreline_onnx.OnnxFormat().describe(made.artifact, made.statements[:2], None, ColumnTypes())


def test_a_whole_number_input_takes_no_nulls(scoreline_onnx):
    made, onnx_format = make_classifier(), scoreline_onnx.OnnxFormat()
    described = onnx_format.describe(made.artifact, (), made.classes, ColumnTypes())
    assert described.features.names == ("size", "count")
    nullable = onnx_format.describe(made.artifact, [FeatureStatement("count", nullable=True)], None, ColumnTypes())
    with pytest.raises(ModelRejected, match="no null"):
        onnx_format.load(made.artifact, nullable.features, nullable.classes)
