"""A model of four numbers whose records cost next to nothing, so that a torture is about the stream alone."""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import fastavro
import lightgbm
import numpy as np

from scoreline.dead_letters import REASON_HEADER
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.records import find_header
from scoreline.schemas.folder import write_schema

FEATURES = ("a", "b", "c", "d")
DIFFERENT = 64
POISON_EVERY = 251
POISON = b"\x00\x00\x00\x00\x01not four doubles"
FRAME_BYTES = 5
SCHEMA = {"type": "record", "name": "Tiny", "fields": [{"name": name, "type": "double"} for name in FEATURES]}


@dataclass(frozen=True, slots=True)
class Tiny:
    """A folder with a published model and a schema, the records for it, and the oracle.

    Attributes:
        values: payloads that are sent in turn.
        scores: what `Booster.predict` gives for each, as the bytes of a double.
    """

    folder: Path
    values: tuple[bytes, ...]
    scores: tuple[bytes, ...]

    @property
    def variables(self):
        """Of a service with this model."""
        return {
            "MODEL_STORE": str(self.folder / "models"),
            "CACHE_DIR": str(self.folder / "cache"),
            "SCHEMA_DIR": str(self.folder / "schemas"),
        }

    def make_value(self, number):
        """The payload of a record; one in 251 is poison."""
        return POISON if is_poison(number) else self.values[number % DIFFERENT]

    def judge(self, message, dead_letter_topic):
        """What is wrong with an answer, None for nothing."""
        number, value = int(message.key()), message.value()
        if message.topic() == dead_letter_topic:
            reason = find_header(message, REASON_HEADER)
            right = is_poison(number) and value == POISON and reason == b"undecodable"
            return None if right else f"{number} is a dead letter: {reason!r}"
        start = FRAME_BYTES + 1 + len(message.key())
        right = not is_poison(number) and value[start : start + 8] == self.scores[number % DIFFERENT]
        return None if right else f"{number} is answered with {value!r}"


def is_poison(number):
    """Whether that record cannot be scored."""
    return number % POISON_EVERY == POISON_EVERY - 1


def make_matrix():
    """What the records hold that are no poison, in the order of `Tiny.values`."""
    return np.random.default_rng(4).normal(size=(DIFFERENT, len(FEATURES)))


def train_tiny(matrix, factor=1.0):
    """A model whose scores are about so many times those of the first one."""
    data = lightgbm.Dataset(matrix, factor * (matrix @ [1.0, -2.0, 3.0, 0.5]), feature_name=list(FEATURES))
    settings = {"objective": "regression", "num_leaves": 4, "min_data_in_leaf": 2, "verbose": -1, "num_threads": 1}
    return lightgbm.train(settings, data, 5)


def make_tiny(folder):
    """Train and publish the model, and write the schema of its records."""
    matrix = make_matrix()
    booster = train_tiny(matrix)
    text = booster.model_to_string().encode()
    publish(ModelStore(str(folder / "models")), Publication(name="tiny", text=text, by="tests", alias="production"))
    schema_id = write_schema(folder / "schemas", "features-value", fastavro.parse_schema(SCHEMA))
    schema = fastavro.parse_schema(SCHEMA)
    values = []
    for row in matrix:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, dict(zip(FEATURES, map(float, row), strict=True)))
        values.append(struct.pack(">bI", 0, schema_id) + out.getvalue())
    scores = [struct.pack("<d", score) for score in booster.predict(matrix, num_threads=1)]
    return Tiny(folder, tuple(values), tuple(scores))
