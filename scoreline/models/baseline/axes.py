"""One distribution that is watched, a feature's or an output's, and the bins that its values are counted in."""

from dataclasses import dataclass

from scoreline.features import Level

BINS = 128
"""Inside a numeric axis, of equal width."""

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
        codes: how many there are: of a feature without a level list, one more than the highest that training had.
        levels: what the codes mean; None where values are the codes themselves.
    """

    name: str
    codes: int
    levels: tuple[Level, ...] | None = None

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
    """Axis names of what a model gives: `output:prediction`, or one for the score of each class."""
    return tuple(OUTPUT_PREFIX + name for name in (("prediction",) if classes is None else classes))
