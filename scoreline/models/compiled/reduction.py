"""A model text reduced to what a compiler reads: nothing that people may have put into names can confuse it."""

from collections.abc import Iterator

from scoreline.models.compiled.obstacles import RAW_OBJECTIVES, objective_of
from scoreline.models.model_text import ModelText

_HEADER = ("version", "num_class", "num_tree_per_iteration", "max_feature_idx", "feature_infos")
_SPLITS = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_CATEGORIES = ("cat_boundaries", "cat_threshold")


def reduce_text(text: ModelText) -> str:
    """The same trees in LightGBM's format, without names, statistics, parameters and levels.

    A text without an objective says `custom`, because lleaves insists on one.
    """
    return "\n".join(_reduce(text)) + "\n"


def _reduce(text: ModelText) -> Iterator[str]:
    yield "tree"
    yield from (f"{key}={text.header[key]}" for key in _HEADER)
    custom = objective_of(text) in RAW_OBJECTIVES
    yield "objective=" + ("custom" if custom else " ".join(text.header["objective"].split()))
    if "average_output" in text.header:
        yield "average_output"
    for number, tree in enumerate(text.trees):
        yield f"\nTree={number}"
        yield from (f"{key}={_words(tree[key])}" for key in ("num_leaves", "num_cat", "leaf_value"))
        yield from (f"{key}={_words(tree.get(key, b''))}" for key in _SPLITS)
        yield from (f"{key}={_words(tree[key])}" for key in _CATEGORIES if key in tree)
    yield "\nend of trees"


def _words(value: bytes) -> str:
    return b" ".join(value.split()).decode("ascii")
