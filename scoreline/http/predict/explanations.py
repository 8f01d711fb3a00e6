"""`POST /predict?explain=N`: what the features of each row contributed, always on a thread of its own."""

from collections.abc import Mapping

import numpy as np

from scoreline.errors import InstanceProblem, MalformedRequest, RequestTooLarge
from scoreline.features import Matrix
from scoreline.http.query import parse_whole_number
from scoreline.models.explanations import Explanation, find_contributions, select_largest
from scoreline.models.model import ModelVersion, Scores
from scoreline.schemas.json_problems import refuse_instances, shorten

MOST_EXPLAINED = 32
"""An explanation costs one to two hundred predictions: so many take less than a tenth of a second with 200 trees."""

MOST_PENDING = 8
"""So many requests for explanations run or wait at once: the last one is answered within a second."""

_MOST_DIGITS = 9


def read_explain(query: Mapping[str, str]) -> int | None:
    """How many features of each row are asked for; None where no explanation is.

    Raises:
        MalformedRequest: no number, or one that is not positive.
    """
    value = query.get("explain")
    if value is None:
        return None
    count = parse_whole_number(value, most_digits=_MOST_DIGITS)
    if not count:
        raise MalformedRequest(
            "the query parameter 'explain' has to be how many features of each instance are told, a whole number"
            f" from 1, but is {shorten(value)!r}"
        )
    return count


def check_explained(count: int) -> None:
    """Refuse more rows than may be explained at once.

    Raises:
        RequestTooLarge: more than `MOST_EXPLAINED`.
    """
    if count > MOST_EXPLAINED:
        raise RequestTooLarge(
            f"the request has {count} instances, but with explain at most {MOST_EXPLAINED} are allowed: send them in"
            " several requests"
        )


def explain(version: ModelVersion, features: Matrix, scores: Scores, count: int) -> list[Explanation]:
    """The explanation of each row by its weightiest features.

    Args:
        features: settled; shape (rows, features).
        scores: what the version gave for them, all of them finite.
        count: how many features are told, from 1; all where the model has no more.

    Raises:
        NotExplainable: the version's model does not tell.
        InvalidInstances: a contribution is not a finite number.
    """
    contributions = find_contributions(version.model, features, scores)
    infinite = np.flatnonzero(~np.isfinite(contributions).all(axis=1)).tolist()
    if infinite:
        detail = "what a feature contributes is not a finite number"
        raise refuse_instances({i: [InstanceProblem(i, detail)] for i in infinite})
    return select_largest(version.model.features.names, contributions, count)
