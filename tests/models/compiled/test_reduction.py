from scoreline.models.compiled.reduction import reduce_text
from scoreline.models.model_text import split_model_text
from tests.models.builders import train


def test_names_statistics_and_parameters_are_left_out():
    """A feature's name may have an `=` in it, which lleaves would stumble over."""
    text = train("pandas").text.replace(b"feature_names=place ", b"feature_names=a=b ")
    reduced = reduce_text(split_model_text(text))
    for word in ("a=b", "split_gain", "parameters", "pandas_categorical", "internal_value"):
        assert word not in reduced
    assert "cat_threshold=" in reduced


def test_a_custom_objective_is_said_to_be_one():
    assert "objective=custom\n" in reduce_text(split_model_text(train("custom").text))
    assert "objective=binary sigmoid:1\n" in reduce_text(split_model_text(train("binary").text))


def test_a_forest_says_that_it_averages():
    assert "\naverage_output\n" in reduce_text(split_model_text(train("random_forest").text))
    assert "average_output" not in reduce_text(split_model_text(train("regression").text))
