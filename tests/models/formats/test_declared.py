import pytest

from scoreline.errors import ConfigError
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.formats import FeatureStatement, declare_features, name_classes

X, PLACE = FeatureStatement("x", field="deep.x", nullable=True), FeatureStatement("place", levels=("a", "b"))


def test_what_nobody_says_may_not_be_null():
    assert declare_features([X, PLACE]) == FeatureSet(
        (
            Feature("x", field="deep.x", nullable=True),
            Feature("place", Kind.CATEGORICAL, nullable=False, levels=("a", "b")),
        )
    )


def test_names_that_the_artifact_has_decide_the_order_and_need_no_statements():
    assert declare_features([PLACE], names=["x", "place"]).names == ("x", "place")
    assert declare_features([], names=["x", "y"]).names == ("x", "y")


@pytest.mark.parametrize(
    ("statements", "options", "reason"),
    [
        ([], {}, "name them in the order of its columns with --features"),
        ([X], {"count": 2}, "does not name its 2 features.*1 were given"),
        ([X, X], {}, "names 'x' twice"),
        ([X], {"names": ["y"]}, "has no feature 'x'"),
        ([FeatureStatement("x", levels=())], {}, "level list of feature 'x' is empty"),
        ([FeatureStatement("x", levels=("a", "a"))], {}, "repeats a level"),
        ([FeatureStatement("x", levels=("a",), kind=Kind.NUMERIC)], {}, "only a categorical one"),
    ],
)
def test_what_is_not_enough_or_contradicts_itself_is_refused(statements, options, reason):
    with pytest.raises(ConfigError, match=reason):
        declare_features(statements, **options)


def test_classes_have_numbers_where_nobody_names_them():
    assert name_classes(3, None) == ("0", "1", "2")
    assert name_classes(2, ["no", "yes"]) == ("no", "yes")
    assert name_classes(1, None) is None


@pytest.mark.parametrize(("outputs", "said"), [(1, ["a"]), (3, ["a", "b"]), (2, ["a", "a"]), (2, ["a", ""])])
def test_class_names_have_to_fit(outputs, said):
    with pytest.raises(ConfigError, match="--classes"):
        name_classes(outputs, said)
