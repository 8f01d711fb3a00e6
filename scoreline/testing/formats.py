"""What every model format has to pass, as checks that a package's own tests can run.

::

    CASE = FormatCase(OnnxFormat(), artifact, rows, file_name="model.onnx", statements=[FeatureStatement("x"), …])

    @pytest.mark.parametrize("check", FORMAT_CHECKS, ids=lambda check: check.__name__)
    def test_the_format_keeps_the_contract(check):
        check(CASE)

Each check raises `AssertionError` with what is wrong. Those that start child processes need the format to be installed,
with its entry point: a child finds it by name.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import isclose

import numpy as np

from scoreline.errors import ModelRejected
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.formats.known import KnownFormats
from scoreline.models.formats.model_format import Description, ModelFormat
from scoreline.models.frames import ColumnTypes
from scoreline.models.model import Model, Scores, find_shape_problem
from scoreline.models.verification import probe_model

THREADS = 8
CALLS_A_THREAD = 25
MOST_ROWS_A_THREAD = 2000
LEAST_ROWS = 100
PROBE_LIMIT_SECONDS = 60.0
_TOGETHER = (1, 2, 3, 7, 16, 17, 64, 65)
"""Rows a call: around the sizes where libraries change their way of computing."""


@dataclass(frozen=True)
class FormatCase:
    """A sound artifact of a format, and what it is to be tried with.

    Attributes:
        rows: settled, shape (rows, features), at least 100 of them, nulls among them where features may be null.
        statements: as a publisher would have to make them.
        expected: what the artifact's own library gives for the rows, bit for bit; None where nobody can say.
        damaged: contents that have to be rejected; by default the artifact's first half, and nothing.
    """

    model_format: ModelFormat
    artifact: bytes
    rows: Matrix
    file_name: str = ""
    statements: Sequence[FeatureStatement] = ()
    classes: Sequence[str] | None = None
    expected: Scores | None = None
    damaged: Sequence[bytes] | None = None

    @cached_property
    def description(self) -> Description:
        """Of the artifact."""
        return self.model_format.describe(self.artifact, self.statements, self.classes, ColumnTypes())

    @cached_property
    def model(self) -> Model:
        """Loaded in this process."""
        return self.load()

    @cached_property
    def scores(self) -> Scores:
        """Of all rows in one call."""
        return self.model.predict(self.rows)

    def load(self) -> Model:
        """The model, loaded once more."""
        return self.model_format.load(self.artifact, self.description.features, self.description.classes)

    def probe(self, artifact: bytes, rows: Matrix) -> Scores:
        """As a child process scores rows with an artifact."""
        of_it = self.description
        return probe_model(
            self.model_format, artifact, of_it.features, of_it.classes, rows, time_limit_seconds=PROBE_LIMIT_SECONDS
        )


def check_installation(case: FormatCase) -> None:
    """The format is found under its name, so that manifests and child processes can name it."""
    found = KnownFormats().find(case.model_format.name)
    _expect(type(found) is type(case.model_format), f"the name {case.model_format.name!r} leads to {type(found)}")


def check_recognition(case: FormatCase) -> None:
    """The artifact is recognized; nothing, a pickle and noise are not, where no file name says so."""
    _expect(case.model_format.recognizes(case.artifact, case.file_name), "the artifact is not recognized")
    for other in (b"", b"\x80\x04\x95", bytes(range(256))):
        _expect(not case.model_format.recognizes(other, ""), f"{other[:8]!r} is recognized")


def check_description(case: FormatCase) -> None:
    """The description and the loaded model agree, and the rows fit."""
    _expect(case.model.features == case.description.features, "the loaded model has other features than described")
    _expect(case.model.classes == case.description.classes, "the loaded model has other classes than described")
    _expect(len(case.rows) >= LEAST_ROWS, f"the case has {len(case.rows)} rows; {LEAST_ROWS} are needed")
    problems = case.description.features.settle(case.rows.copy()).problems
    _expect(not problems, f"the case's rows do not fit the features: {problems[:1]}")
    _expect(bool(case.model.engine), "the loaded model does not say what computes its scores")
    shares = case.model.importances
    _expect(
        shares is None or (len(shares) == len(case.model.features) and min(shares) >= 0 and isclose(sum(shares), 1)),
        f"the importances of its features should be one share each, 1 together, or None, but are {shares}",
    )


def check_shapes(case: FormatCase) -> None:
    """Any number of rows, none included, gives one float64 row of scores each."""
    for count in (0, 1, 2, 17, len(case.rows)):
        problem = find_shape_problem(case.model.predict(case.rows[:count]), count, case.description.classes)
        _expect(problem is None, f"for {count} rows: {problem}")
    _expect(bool(np.isfinite(case.scores).all()), "scores are not finite")


def check_other_features(case: FormatCase) -> None:
    """A manifest with another number of features than the artifact has is rejected."""
    more = FeatureSet((*case.description.features, Feature("one more")))
    try:
        case.model_format.load(case.artifact, more, case.description.classes)
    except ModelRejected:
        return
    raise AssertionError("a manifest with one feature more than the artifact has is not rejected")


def check_expected_scores(case: FormatCase) -> None:
    """The scores are those of the artifact's own library, where the case has them."""
    if case.expected is not None:
        _expect_same(case.expected, case.scores, "the scores are not what the library gives")


def check_neighbours(case: FormatCase) -> None:
    """A row gets the same bits whatever stands beside it, before it and behind it."""
    for together in _TOGETHER:
        parts = [case.rows[at : at + together] for at in range(0, len(case.rows), together)]
        scores = np.concatenate([case.model.predict(np.ascontiguousarray(part)) for part in parts])
        _expect_same(case.scores, scores, f"rows score otherwise {together} at a time than all in one call")
    order = np.random.default_rng(0).permutation(len(case.rows))
    scores = case.model.predict(np.ascontiguousarray(case.rows[order]))
    _expect_same(case.scores[order], scores, "rows score otherwise in another order")


def check_input_is_left(case: FormatCase) -> None:
    """The matrix is not changed: others read it after the model."""
    rows = case.rows.copy()
    rows.flags.writeable = False
    _expect_same(case.scores, case.model.predict(rows), "a matrix that cannot be written scores otherwise")


def check_loading_again(case: FormatCase) -> None:
    """Two models of one artifact stand side by side, with the same bits."""
    _expect_same(case.scores, case.load().predict(case.rows), "the artifact loaded again scores otherwise")


def check_threads(case: FormatCase) -> None:
    """Several threads score with one model at once, each its own rows."""
    model, scores = case.model, case.scores

    def score(seed: int) -> tuple[Scores, Scores]:
        chance = np.random.default_rng(seed)
        chosen = chance.integers(len(case.rows), size=chance.integers(1, MOST_ROWS_A_THREAD))
        return scores[chosen], model.predict(np.ascontiguousarray(case.rows[chosen]))

    with ThreadPoolExecutor(THREADS) as pool:
        for expected, found in pool.map(score, range(THREADS * CALLS_A_THREAD)):
            _expect_same(expected, found, "rows score otherwise while other threads score")


def check_probe(case: FormatCase) -> None:
    """A child process loads the artifact within its limits, and scores with the same bits."""
    rows = np.ascontiguousarray(case.rows[:20])
    _expect_same(case.scores[:20], case.probe(case.artifact, rows), "a child process scores otherwise")


def check_damage(case: FormatCase) -> None:
    """Damaged contents are rejected by a child process, which may die of them."""
    damaged = case.damaged if case.damaged is not None else (case.artifact[: len(case.artifact) // 2], b"")
    for content in damaged:
        try:
            case.probe(content, np.ascontiguousarray(case.rows[:2]))
        except ModelRejected:
            continue
        raise AssertionError(f"{len(content)} damaged bytes ({content[:20]!r}…) are not rejected")


FORMAT_CHECKS: tuple[Callable[[FormatCase], None], ...] = (
    check_installation,
    check_recognition,
    check_description,
    check_shapes,
    check_other_features,
    check_expected_scores,
    check_neighbours,
    check_input_is_left,
    check_loading_again,
    check_threads,
    check_probe,
    check_damage,
)


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001  a condition, not an option
    if not holds:
        raise AssertionError(otherwise)


def _expect_same(expected: Scores, scores: Scores, otherwise: str) -> None:
    if expected.shape != scores.shape:
        raise AssertionError(f"{otherwise}: shape {scores.shape} instead of {expected.shape}")
    bits, other_bits = (np.ascontiguousarray(each).view(np.uint64).ravel() for each in (expected, scores))
    differing = np.flatnonzero(bits != other_bits)
    if len(differing):
        at = int(differing[0])
        what = f"{float(scores.ravel()[at])!r} instead of {float(expected.ravel()[at])!r}"
        raise AssertionError(f"{otherwise}: {len(differing)} scores differ, the first is {what}")
