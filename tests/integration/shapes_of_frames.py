"""Models trained on pandas frames: levels of every type, booleans, large numbers, and scikit-learn's wrappers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.integration.shape_case import ASKED, ROWS, TINY, Case

SKLEARN = {"n_estimators": 6, "num_leaves": 6, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}
PLACES = ["Zürich, HB", 'a"b', "東京", "plain", ""]


def make_frame(seed: int, rows: int) -> Any:
    import pandas as pd

    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "place": pd.Categorical(random.choice(PLACES, rows), categories=PLACES),
            "dep delay": random.normal(size=rows),
            "size": pd.Categorical(random.choice([9, -3, 2**40], rows), categories=[9, -3, 2**40]),
            "share": pd.Categorical(random.choice([0.5, 2.0], rows), categories=[0.5, 2.0]),
            "truth": pd.Categorical(random.random(rows) > 0.5, categories=[False, True]),
            "flag": random.random(rows) > 0.5,
            "count": random.integers(-(2**62), 2**62, rows),
        }
    )


def ask_frame() -> Any:
    """Rows with levels that training never saw, and nulls in categories."""
    import pandas as pd

    frame = make_frame(6, ASKED)
    frame["place"] = pd.Categorical(["Nowhere, é", *frame["place"][1:]], categories=[*PLACES[::-1], "Nowhere, é"])
    frame["size"] = pd.Categorical([1, *frame["size"][1:]], categories=[1, 9, 2**40, -3])
    for name in ("place", "size", "share", "truth"):
        frame.loc[2::11, name] = None
    frame.loc[0, "count"] = 2**53 + 1
    return frame


def frame_target(frame: Any) -> np.ndarray:
    codes = sum(frame[name].cat.codes.to_numpy() for name in ("size", "share", "truth"))
    return np.asarray(
        (frame["place"] == PLACES[2]) * 2.0 + frame["dep delay"] + codes + frame["flag"] + frame["count"] / 2**62
    )


def from_a_frame(make: Callable[[Any], Any], target: Callable[[Any], Any] = frame_target, **said: Any) -> Case:
    frame = make_frame(5, ROWS)
    return Case(make(frame, target(frame)), ask_frame(), {"baseline": frame, **said})


def from_lgb(frame: Any, target: np.ndarray) -> Any:
    import lightgbm as lgb

    return lgb.train(TINY, lgb.Dataset(frame, target), 6)


def by_sklearn(kind: str, **options: Any) -> Callable[[Any, Any], Any]:
    import lightgbm as lgb

    return lambda frame, target: getattr(lgb, kind)(**SKLEARN, **options).fit(frame, target)


def classified(labels: Sequence[Any], **options: Any) -> Case:
    def find(frame: Any) -> np.ndarray:
        edges = np.quantile(frame_target(frame), np.linspace(0, 1, len(labels) + 1)[1:-1])
        return np.array(labels)[np.digitize(frame_target(frame), edges)]

    return from_a_frame(by_sklearn("LGBMClassifier", **options), find)


def ranked() -> Case:
    import lightgbm as lgb

    frame = make_frame(5, ROWS)
    target = np.digitize(frame_target(frame), [1.0, 2.0])
    model = lgb.LGBMRanker(**SKLEARN).fit(frame, target, group=[20] * (ROWS // 20))
    return Case(model, ask_frame(), {"baseline": frame})


def ordered() -> Case:
    """An ordered category is a number to LightGBM, but has a level list."""
    import pandas as pd

    def order(frame: Any) -> Any:
        sizes = frame["size"].cat.set_categories([-3, 9, 2**40])
        return frame.assign(size=sizes.cat.as_ordered(), place=frame["place"].cat.set_categories(PLACES))

    frame = order(make_frame(5, ROWS))
    asked = order(ask_frame()).dropna(subset="size").reset_index(drop=True)
    assert isinstance(asked["size"].dtype, pd.CategoricalDtype)
    return Case(from_lgb(frame, frame_target(frame)), asked, {"baseline": frame}, refused_without=True)


def whole_numbers() -> Case:
    """Beyond 2^53, where a double is not every integer."""
    import pandas as pd

    random = np.random.default_rng(8)
    values = random.integers(2**60, 2**60 + 2**12, (ROWS, 2))
    frame = pd.DataFrame(values, columns=["serial", "other"])
    said = {"features": [{"name": name, "kind": "integer"} for name in frame.columns]}
    return Case(from_lgb(frame, (values[:, 0] % 4096).astype(float)), frame[:ASKED], said)


def single_precision() -> Case:
    import pandas as pd

    random = np.random.default_rng(9)
    frame = pd.DataFrame(random.normal(size=(ROWS, 3)).astype(np.float32), columns=["a", "b", "c"])
    return Case(from_lgb(frame, frame["a"] * frame["b"]), frame[:ASKED])


def many_levels() -> Case:
    """Sets of categories that need more than one word of bits."""
    import pandas as pd

    random = np.random.default_rng(10)
    levels = [f"plane {i}" for i in range(150)]
    codes = random.integers(0, 150, 4 * ROWS)
    frame = pd.DataFrame({"plane": pd.Categorical.from_codes(codes, levels), "x": random.normal(size=4 * ROWS)})
    return Case(from_lgb(frame, np.sin(codes) + frame["x"]), frame[:ASKED])


FRAME_SHAPES: dict[str, Callable[[], Case]] = {
    "frame": lambda: from_a_frame(from_lgb),
    "frame_ordered": ordered,
    "frame_of_whole_numbers": whole_numbers,
    "frame_of_single_precision": single_precision,
    "frame_many_levels": many_levels,
    "regressor": lambda: from_a_frame(by_sklearn("LGBMRegressor")),
    "ranker": ranked,
    "classifier_of_two": lambda: classified(["in time", "late"]),
    "classifier_of_texts": lambda: classified(["früh", "ok", "spät, sehr"]),
    "classifier_of_numbers": lambda: classified([10, 20, 30, 40]),
    "classifier_of_two_as_multiclass": lambda: classified([False, True], objective="multiclass", num_class=2),
    "classifier_custom": lambda: classified(
        [0, 1], objective=lambda y, scores: (1 / (1 + np.exp(-scores)) - y, np.full(len(y), 0.25))
    ),
}
