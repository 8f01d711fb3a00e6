import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import ModelRejected
from scoreline.models.inspection import Output, inspect_model
from tests.models.builders import LEVELS, SHAPES, TINY, train, train_with_levels

RANDOM_FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
ONE_SCORE = [
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "poisson",
    "quantile",
    "mape",
    "gamma",
    "tweedie",
    "binary",
    "cross_entropy",
    "cross_entropy_lambda",
    "lambdarank",
    "rank_xendcg",
]
OBJECTIVES = [
    *({"objective": objective} for objective in ONE_SCORE),
    *({"objective": objective, "num_class": 3} for objective in ("multiclass", "multiclassova", "softmax", "ova")),
    {"objective": "regression", "reg_sqrt": True},
    {"objective": "multiclass", "num_class": 2},
    {"objective": "multiclass", "num_class": 3, **RANDOM_FOREST},
    {"objective": "multiclassova", "num_class": 3, "boosting": "dart"},
]
SHIFT = {"gamma": 1}
"""Added to the classes 0 and up where an objective has to have targets above zero."""


@pytest.mark.parametrize("shape", SHAPES)
def test_facts_agree_with_what_lightgbm_says(shape):
    trained = train(shape)
    facts = trained.facts
    assert list(facts.names) == trained.booster.feature_name()
    assert facts.outputs == trained.booster.num_model_per_iteration()
    assert facts.trees == trained.booster.num_trees()
    used = trained.booster.feature_importance("split")
    assert [feature.splits > 0 for feature in facts.features] == [count > 0 for count in used]


@pytest.mark.parametrize(
    ("shape", "output"),
    [
        ("regression", Output.VALUE),
        ("binary", Output.PROBABILITY),
        ("multiclassova", Output.PROBABILITIES),
        ("lambdarank", Output.RANKING),
        ("custom", Output.RAW),
        ("custom_multiclass", Output.RAW),
    ],
)
def test_an_objective_says_what_the_scores_mean(shape, output):
    assert train(shape).facts.output is output


def test_thresholds_are_those_of_the_dumped_model():
    trained = train("regression")
    found = []

    def walk(node: dict) -> None:
        if "split_feature" in node:
            if node["decision_type"] == "<=" and node["split_feature"] == 0:
                found.append(node["threshold"])
            walk(node["left_child"])
            walk(node["right_child"])

    for tree in trained.booster.dump_model()["tree_info"]:
        walk(tree["tree_structure"])
    assert trained.facts.features[0].thresholds == pytest.approx(sorted(set(found)), rel=1e-15)


def test_splits_tell_which_features_had_nulls():
    x, y, category, constant = train("regression").facts.features
    assert (x.saw_nulls, y.saw_nulls, category.saw_nulls, constant.saw_nulls) == (False, True, None, None)


def test_with_zero_as_missing_every_split_feature_knows_nulls():
    x, y, *_ = train("zero_as_missing").facts.features
    assert (x.saw_nulls, y.saw_nulls) == (True, True)


def test_categories_and_their_highest_code_are_found():
    category = train("regression").facts.features[2]
    assert category.categorical
    assert set(category.codes) <= set(range(5))
    assert category.highest_code in range(5)


def test_level_lists_of_pandas_come_as_they_are():
    facts = train_with_levels().facts
    assert facts.level_lists == (LEVELS, (3, 5, 9))


def test_a_text_cut_anywhere_is_rejected():
    """The one exception is a cut exactly after the parameters: such a file is what LightGBM's own command writes."""
    text = train("regression").text
    complete = text.index(b"end of parameters") + len(b"end of parameters")
    for end in range(0, len(text.rstrip()), 7):
        if complete <= end <= complete + 2:
            continue
        with pytest.raises(ModelRejected):
            inspect_model(text[:end])


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_changed_text_is_rejected_or_read_but_never_anything_else(data):
    text = bytearray(train("regression").text)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        end = at + data.draw(st.integers(0, 4))
        text[at:end] = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from([b"-", b"9", b"=", b"\n", b" "])))
    try:
        facts = inspect_model(bytes(text))
    except ModelRejected:
        return
    assert facts.features


def replace_in_first_tree(text: bytes, key: bytes, value: bytes) -> bytes:
    """Exchange one line of the first tree, keeping tree_sizes right."""
    start = text.index(b"Tree=0")
    at = text.index(b"\n" + key + b"=", start) + 1
    end = text.index(b"\n", at)
    line = key + b"=" + value
    size_at = text.index(b"tree_sizes=") + len(b"tree_sizes=")
    size_end = text.index(b" ", size_at)
    size = int(text[size_at:size_end]) + len(line) - (end - at)
    changed = text[:at] + line + text[end:]
    return changed[:size_at] + str(size).encode() + changed[size_end:]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (b"left_child", b"0 0 0 0 0", "do not form a tree"),
        (b"left_child", b"1 2 3 4 99", "do not form a tree"),
        (b"split_feature", b"0 1 2 4 0", "a feature that there is not"),
        (b"split_feature", b"0 1 -1 0 0", "a feature that there is not"),
        (b"split_feature", b"0 1 2", "should hold 5 numbers, but has 3"),
        (b"decision_type", b"2 2 2 2 14", "decision_type is unknown"),
        (b"leaf_value", b"1 2 x 4 5 6", "should hold numbers"),
        (b"leaf_value", b"1 2 e 4 5 6", "should hold numbers"),
        (b"num_leaves", b"6000000000", "should hold"),
        (b"num_leaves", b"0", "has 0 leaves"),
        (b"split_feature", b"0 1 0_2 0 0", "should hold numbers, but has b'_'"),
        (b"split_feature", b"0 1 2 0\t0", r"should hold numbers, but has b'\\t'"),
        (b"left_child", b"1 2 3 4 1-1", "should hold whole numbers"),
        (b"left_child", b"1 2 3 4 1.0", r"should hold numbers, but has b'\.'"),
        (b"leaf_value", b"1 2 3_3 4 5 6", "should hold numbers, but has b'_'"),
        (b"leaf_value", b"1 2 0x3 4 5 6", "should hold numbers, but has b'x'"),
        (b"num_leaves", b"0_6", "should hold numbers, but has b'_'"),
        (b"cat_threshold", b"", "cat_boundaries do not fit"),
        (b"cat_boundaries", b"0 900", "cat_boundaries do not fit"),
    ],
)
def test_a_tree_that_would_make_lightgbm_read_foreign_memory_is_rejected(key, value, message):
    text = train("regression").text
    tree = text[text.index(b"Tree=0") : text.index(b"Tree=1")]
    assert b"num_leaves=6\n" in tree
    assert b"num_cat=1\n" in tree
    with pytest.raises(ModelRejected, match=message):
        inspect_model(replace_in_first_tree(text, key, value))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"tree\nversion", b"forest\nversion", "no LightGBM model text"),
        (b"version=v4", b"version=v9", "format 'v9'"),
        (b"max_feature_idx=3", b"max_feature_idx=7", "says that it has 8"),
        (b"max_feature_idx=3", b"max_feature_idx=-1", "whole numbers"),
        (b"feature_names=x y", b"feature_names=x x", "repeat"),
        (b"feature_infos=[", b"feature_infos=(", "describes feature 'x'"),
        (b"num_tree_per_iteration=1", b"num_tree_per_iteration=3", "trees, but should have"),
        (b"num_tree_per_iteration=1", b"num_tree_per_iteration=0", "trees, but should have"),
        (b"tree_sizes=", b"tree_sizes=9", "tree_sizes says"),
        (b"tree_sizes=", b"tree_sizes=\t", "tree_sizes should hold whole numbers"),
        (b"label_index=0", b"label_index=0\rnum_class=9", "a carriage return within a line"),
        (b"label_index=0", b"label_index=0\r\r", "a carriage return within a line"),
        (b"label_index=0\n", b"", "lacks label_index"),
        (b"pandas_categorical:null", b"pandas_categorical:[[1]", "no JSON"),
        (b"pandas_categorical:null", b"pandas_categorical:" + b"[" * 100_000, "no JSON"),
        (b"pandas_categorical:null", b"pandas_categorical:{}", "no list of lists"),
        (b"feature_names=x", b"feature_names=\xff", "no UTF-8"),
        (b"Tree=1", b"Tree=2", "tree 1 is not where"),
    ],
)
def test_a_damaged_header_or_tail_is_rejected_with_what_is_wrong(old, new, message):
    text = train("regression").text
    assert old in text
    with pytest.raises(ModelRejected, match=message):
        inspect_model(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("shape", "old", "new", "message"),
    [
        ("multiclass", b"multiclass num_class:3", b"multiclass num_class:4", "does not fit a model of 3"),
        ("multiclass", b"multiclass num_class:3", b"multiclass num_class:3 num_class:4", "does not fit"),
        ("multiclass", b"multiclass num_class:3", b"multiclass num_class:03", "does not fit"),
        ("multiclass", b"multiclass num_class:3", b"multiclass", "does not fit"),
        (
            "multiclass",
            b"multiclass num_class:3",
            b"binary sigmoid:1",
            "gives one score a row, but the model text has 3",
        ),
        ("multiclass", b"multiclass num_class:3", b"regression", "gives one score a row"),
        ("multiclass", b"objective=multiclass num_class:3", b"objective=", "empty objective"),
        ("multiclass", b"\nnum_class=3", b"\nnum_class=1", "1 classes, but 3 trees an iteration"),
        ("multiclass", b"\nnum_class=3", b"\nnum_class=4", "4 classes, but 3 trees an iteration"),
        ("multiclassova", b"multiclassova num_class:3", b"multiclassova num_class:2", "does not fit a model of 3"),
        ("custom_multiclass", b"\nnum_class=3", b"\nnum_class=1", "1 classes, but 3 trees an iteration"),
        ("lambdarank", b"objective=lambdarank", b"objective=multiclass num_class:3", "does not fit a model of 1"),
        ("binary", b"objective=binary sigmoid:1", b"objective=multiclass num_class:1", "does not fit a model of 1"),
        ("binary", b"\nnum_class=1", b"\nnum_class=2", "2 classes, but 1 trees an iteration"),
    ],
)
def test_an_objective_that_contradicts_the_header_is_rejected(shape, old, new, message):
    """LightGBM would write scores where there is no room for them."""
    text = train(shape).text
    assert text.count(old) == 1
    with pytest.raises(ModelRejected, match=message):
        inspect_model(text.replace(old, new))


@pytest.mark.parametrize("name", [b"custom", b"none", b"null", b"na"])
def test_a_custom_objective_may_have_any_number_of_outputs(name):
    text = train("custom_multiclass").text
    named = text.replace(b"\nfeature_names=", b"\nobjective=" + name + b"\nfeature_names=", 1)
    facts = inspect_model(named)
    assert (facts.outputs, facts.output) == (3, Output.RAW)
    assert lightgbm.Booster(model_str=named.decode()).num_model_per_iteration() == 3


@pytest.mark.parametrize("parameters", OBJECTIVES, ids=lambda parameters: "-".join(map(str, parameters.values())))
def test_what_lightgbm_writes_of_any_objective_is_read(parameters):
    random = np.random.default_rng(5)
    classes = parameters.get("num_class", 2)
    target = random.integers(0, classes, 200)
    group = [20] * 10 if "rank" in parameters["objective"] else None
    data = lightgbm.Dataset(
        random.normal(size=(200, 2)) + target[:, None], target + SHIFT.get(parameters["objective"], 0), group=group
    )
    booster = lightgbm.train({**TINY, **parameters}, data, 2)
    facts = inspect_model(booster.model_to_string().encode())
    assert facts.outputs == parameters.get("num_class", 1)


def test_sets_of_categories_that_no_split_uses_are_counted_too():
    """LightGBM makes room for as many as the tree says."""
    text = train("linear_tree").text
    assert b"num_cat=0\n" in text[text.index(b"Tree=0") : text.index(b"Tree=1")]
    with pytest.raises(ModelRejected, match="lacks cat_boundaries"):
        inspect_model(replace_in_first_tree(text, b"num_cat", b"500000000"))


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"tree", b"tree\n", b"hello\nworld\n", np.zeros(9).tobytes()])
def test_what_is_no_model_at_all_is_rejected(content):
    with pytest.raises(ModelRejected):
        inspect_model(content)
