"""The tiny model in several versions whose scores are far apart, and the oracle of each."""

from dataclasses import dataclass

from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from tests.torture.tiny import DIFFERENT, FEATURES, Tiny, make_matrix, make_tiny, train_tiny

NAME, ALIAS = "tiny", "production"


@dataclass(frozen=True, slots=True)
class Versions:
    """A store with versions from 1, the first of them live.

    Attributes:
        instances: the records as a caller sends them.
        scores: by version, what `Booster.predict` gives for each instance.
    """

    tiny: Tiny
    store: ModelStore
    instances: tuple[dict, ...]
    scores: dict[int, tuple[float, ...]]

    def make_value(self, number):
        """The payload of a record; none is poison."""
        return self.tiny.values[number % DIFFERENT]

    def judge_prediction(self, number, prediction):
        """What is wrong with the prediction of a record, None for nothing."""
        version = prediction["version"]
        expected = self.scores.get(version, (None,) * DIFFERENT)[number % DIFFERENT]
        if prediction["prediction"] == expected and prediction["model"] == NAME:
            return None
        return f"{number} is answered with {prediction['prediction']} of version {version}, which gives {expected}"

    def mean(self, version):
        """Make the alias mean a version."""
        self.store.set_alias(NAME, ALIAS, version, by="torture")


def make_versions(folder, count):
    """Train and publish them; the cache beside the store remembers that they were probed."""
    tiny, matrix = make_tiny(folder), make_matrix()
    store = ModelStore(str(folder / "models"))
    boosters = {version: train_tiny(matrix, 10.0 ** (version - 1)) for version in range(1, count + 1)}
    for booster in list(boosters.values())[1:]:
        publish(store, Publication(name=NAME, text=booster.model_to_string().encode(), by="torture"))
    scores = {n: tuple(booster.predict(matrix, num_threads=1).tolist()) for n, booster in boosters.items()}
    assert len({scored for each in scores.values() for scored in each}) > len(scores[1])
    instances = tuple(dict(zip(FEATURES, map(float, row), strict=True)) for row in matrix)
    return Versions(tiny, store, instances, scores)
