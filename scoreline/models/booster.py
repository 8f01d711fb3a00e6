"""LightGBM behind the `Model` interface: `Booster.predict`, and its single-row call for a handful of rows."""

import ctypes
import threading
import weakref
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelRejected, NotExplainable
from scoreline.features import FeatureSet, Matrix
from scoreline.models.explanations import Contributions, Outputs
from scoreline.models.light_import import without_unneeded
from scoreline.models.model import Scores

with without_unneeded("lightgbm"):
    import lightgbm
    from lightgbm.basic import _LIB as LIBRARY  # type: ignore[attr-defined]  # the one copy that holds the boosters

SINGLE_ROW_CALLS_UP_TO = 16
"""Up to so many rows, a loop over the single-row call is faster than `Booster.predict` (see benchmarks/predict.py)."""

SORTED_FROM = 64
"""From so many rows on, scoring them in a better order saves more than sorting costs (see benchmarks/predict.py)."""

_LINEAR_TREE = "\nis_linear=1\n"

VERSION: str = lightgbm.__version__

_PREDICT_NORMAL = 0
_FROM_FIRST_ITERATION = 0
_ALL_ITERATIONS = -1
_FLOAT64 = 1
_DOUBLE_BYTES = 8
_PARAMETERS = b"num_threads=1"


class LightGBMModel:
    """A model in LightGBM's text format. Safe to call from several threads at once.

    Construct it only from text that `scoreline.models.verification` has let pass: LightGBM's parser trusts its input.
    """

    engine = "lightgbm"

    def __init__(self, text: str, features: FeatureSet, classes: tuple[str, ...] | None = None) -> None:
        """Load the text.

        Raises:
            ModelRejected: LightGBM refuses it, or it has other features or outputs than it is said to have.
        """
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise ModelRejected(f"LightGBM refuses the model: {error}") from error
        self.features = features
        self.classes = classes
        self._outputs = int(self._booster.num_model_per_iteration())
        gains = np.asarray(self._booster.feature_importance("gain"), dtype=np.float64)
        self.importances = _to_shares(gains)
        self._decisive = int(np.argmax(gains))
        self._check_shape()
        self._rows = threading.local()
        self._linear = _LINEAR_TREE in text
        self._explaining = threading.Lock()

    def _check_shape(self) -> None:
        names = tuple(self._booster.feature_name())
        if names != self.features.names:
            raise ModelRejected(f"the model's features are {list(names)}, but should be {list(self.features.names)}")
        expected = 1 if self.classes is None else len(self.classes)
        if self._outputs != expected:
            raise ModelRejected(f"the model gives {self._outputs} scores a row, but should give {expected}")

    def predict(self, features: Matrix) -> Scores:
        """What `Booster.predict` returns, bit for bit; see `scoreline.models.model.Model.predict`."""
        rows, columns = features.shape
        if columns != len(self.features):
            raise ValueError(f"the model takes {len(self.features)} features, but the matrix has {columns}")
        if rows >= SORTED_FROM:
            return self._predict_sorted(features)
        if rows > SINGLE_ROW_CALLS_UP_TO:
            return cast("Scores", self._booster.predict(features, num_threads=1))
        if rows == 0:
            return np.empty((0,) if self.classes is None else (0, self._outputs), dtype=np.float64)
        return self._predict_few(features)

    def explain(self, features: Matrix, outputs: Outputs) -> Contributions:
        """What `Booster.predict(pred_contrib=True)` returns for one output a row, bit for bit; see `Explainer.explain`.

        Raises:
            NotExplainable: it has linear trees, or LightGBM refuses.
        """
        if self._linear:  # LightGBM would say so on standard output as well
            raise NotExplainable("its trees are linear, and LightGBM does not tell what features contribute to those")
        contributions = np.empty((len(features), len(self.features) + 1), dtype=np.float64)
        # Each call measures the trees anew in the booster itself, where another one would read a depth that is too low.
        with self._explaining:
            for row, output in enumerate(outputs.tolist()):
                contributions[row] = self._explain_row(features[row : row + 1])[output]
        return contributions

    def _explain_row(self, row: Matrix) -> Contributions:
        """One row at a time: a thread's first prediction has to wait until LightGBM is done with the whole call."""
        try:
            found = cast("Contributions", self._booster.predict(row, pred_contrib=True, num_threads=1))
        except lightgbm.basic.LightGBMError as error:
            raise NotExplainable(f"LightGBM does not tell what its features contribute: {error}") from error
        return found.reshape(self._outputs, len(self.features) + 1)

    def _predict_sorted(self, features: Matrix) -> Scores:
        """Rows that are alike in the feature that decides most take the same branches, which the processor foresees."""
        order = features[:, self._decisive].argsort()
        scores_in_order = cast("Scores", self._booster.predict(features[order], num_threads=1))
        scores = np.empty_like(scores_in_order)
        scores[order] = scores_in_order
        return scores

    def _predict_few(self, features: Matrix) -> Scores:
        rows, columns = features.shape
        try:
            call: _SingleRowCall = self._rows.call
        except AttributeError:
            call = self._rows.call = _SingleRowCall(self._booster, columns, self._outputs)
        if rows == 1:
            score = call.score(features)
            return score if self.classes is None else score.reshape(1, self._outputs)
        scores = np.empty((rows,) if self.classes is None else (rows, self._outputs), dtype=np.float64)
        features = np.ascontiguousarray(features, dtype=np.float64)
        call.fill(
            features.__array_interface__["data"][0],
            scores.__array_interface__["data"][0],
            rows=rows,
            row_bytes=columns * _DOUBLE_BYTES,
            score_bytes=self._outputs * _DOUBLE_BYTES,
        )
        return scores


class _SingleRowCall:
    """LightGBM's prepared call for one row, for the one thread that made it."""

    def __init__(self, booster: Any, columns: int, outputs: int) -> None:
        self._booster = booster  # its memory has to outlive the handle
        self._predict = _prototype("LGBM_BoosterPredictForMatSingleRowFast", 4)
        self._written = ctypes.c_int64()
        self._written_at = ctypes.addressof(self._written)
        handle = ctypes.c_void_p()
        _check(
            LIBRARY.LGBM_BoosterPredictForMatSingleRowFastInit(
                booster._handle,  # noqa: SLF001  the C API takes nothing else
                ctypes.c_int(_PREDICT_NORMAL),
                ctypes.c_int(_FROM_FIRST_ITERATION),
                ctypes.c_int(_ALL_ITERATIONS),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(columns),
                ctypes.c_char_p(_PARAMETERS),
                ctypes.byref(handle),
            )
        )
        self._handle = handle.value
        # To ask an array where it lies takes longer than to copy a row to where that is known.
        self._row, self._scores = np.empty((1, columns)), np.empty(outputs)
        self._row_at, self._scores_at = self._row.ctypes.data, self._scores.ctypes.data
        weakref.finalize(self, LIBRARY.LGBM_FastConfigFree, handle)

    def score(self, row: Matrix) -> Scores:
        """Score one row, of shape (1, columns); shape (outputs,)."""
        self._row[...] = row
        status = self._predict(self._handle, self._row_at, self._written_at, self._scores_at)
        if status:
            _check(status)
        return self._scores.copy()

    def fill(self, features_at: int, scores_at: int, *, rows: int, row_bytes: int, score_bytes: int) -> None:
        """Score contiguous rows, one after the other, into contiguous scores, both given by their addresses."""
        for row in range(rows):
            status = self._predict(
                self._handle, features_at + row * row_bytes, self._written_at, scores_at + row * score_bytes
            )
            if status:
                _check(status)


def _to_shares(gains: npt.NDArray[np.float64]) -> tuple[float, ...] | None:
    """None where no split gains anything: of a single leaf, or where the text says nothing of gains."""
    total = float(gains.sum())
    if not (np.isfinite(total) and total > 0):
        return None
    return tuple((gains / total).tolist())


def _prototype(name: str, pointers: int) -> Any:
    """A C function by name that takes pointers and gives a status; it runs without the interpreter's lock."""
    signature = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * pointers)
    return signature((name, LIBRARY))


def _check(status: int) -> None:
    if status:
        raise ModelRejected(f"LightGBM cannot predict: {LIBRARY.LGBM_GetLastError()!r}")
