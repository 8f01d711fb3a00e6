"""One distribution that is watched, a feature's or an output's, and the bins that its values are counted in."""

from dataclasses import dataclass

from scoreline.features import Level

BINS = 128
"""Inside a numeric axis, of equal width."""

LEAST_WIDTH = 1e-290
"""Of a numeric axis: a smaller one would have no finite number of bins to one."""

MOST_CODES = 1024
"""Of a categorical axis: a postal code as a feature may have a hundred times as many levels."""

MOST_OUTPUTS = 64
"""Of classes whose scores are watched, the first ones."""

OUTPUT_PREFIX = "output:"
"""Names of outputs begin with it, so that none is taken for a feature."""


@dataclass(frozen=True, slots=True)
class NumericAxis:
    """Numbers. Bins: under, then `BINS` of equal width, over, missing.

    Attributes:
        name: of the feature, or `output:<name>`.
        lowest, highest: ends of the bins inside, both of them inside.
        logarithmic: whether the width is equal in log(1 + value - lowest), for what is crowded at its low end.
        is_output: whether a model gives these values, and is not given them.
    """

    name: str
    lowest: float
    highest: float
    logarithmic: bool = False
    is_output: bool = False

    @property
    def size(self) -> int:
        """How many bins there are, the three for what lies outside with them."""
        return BINS + 3


@dataclass(frozen=True, slots=True)
class CategoricalAxis:
    """Levels. Bins: one for each code, unseen, missing.

    Attributes:
        codes: how many have a bin: of a feature without a level list, one more than the highest that training had.
        levels: what the codes mean, as far as they have a bin; None where values are the codes themselves.
        is_cut: whether there are more codes than bins; the last bin then holds all of the rest, and without a level
            list nothing is unseen.
    """

    name: str
    codes: int
    levels: tuple[Level, ...] | None = None
    is_cut: bool = False

    @property
    def is_output(self) -> bool:
        """Outputs are numbers."""
        return False

    @property
    def size(self) -> int:
        """How many bins there are, unseen and missing with them."""
        return self.codes + 2


Axis = NumericAxis | CategoricalAxis


def name_outputs(classes: tuple[str, ...] | None) -> tuple[str, ...]:
    """Axis names of what a model gives: `output:prediction`, or one for the score of each class that is watched."""
    return tuple(OUTPUT_PREFIX + name for name in (("prediction",) if classes is None else classes[:MOST_OUTPUTS]))
