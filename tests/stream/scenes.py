"""A loop over the in-memory broker, with everything around it that a test may want to break."""

import io
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import fastavro

from scoreline.errors import SchemaNotFound, Unavailable
from scoreline.features import Feature
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import PREDICTION_ID, prediction_schema
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath, Tombstones
from scoreline.stream.loop import StreamLoop
from scoreline.testing.fakes import FixedVersions, WeightedSum
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.backoff import Backoff
from scoreline.transport.memory import MemoryBroker, MemoryPublisher, MemorySource
from scoreline.transport.patience import Patience

SCHEMA = fastavro.parse_schema(
    {"type": "record", "name": "Row", "fields": [{"name": "x", "type": "double"}, {"name": "y", "type": "double"}]}
)
GROUP = "group"


def encode(x, y=0.0, schema_id=1):
    """A framed row; a decoder asks for each schema once."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMA, {"x": x, "y": y})
    return struct.pack(">bI", 0, schema_id) + out.getvalue()


def decode(record):
    """A prediction as a dictionary."""
    return fastavro.schemaless_reader(io.BytesIO(record.value()[5:]), prediction_schema(), None)


class OneSchema:
    """A catalog with one schema, under the ids 1 and 2, which may be away, and may learn more."""

    def __init__(self):
        self.away = False
        self.known = 2

    def find_writer(self, schema_id):
        if self.away:
            raise Unavailable("the registry is away")
        if schema_id > self.known:
            raise SchemaNotFound(f"there is no schema {schema_id}")
        return SCHEMA


class StopOverFakeTime:
    """A stop signal whose waits take no time, but move the scene's clock."""

    def __init__(self, scene):
        self._scene = scene
        self.requested = False
        self.waits = []

    def is_set(self):
        return self.requested

    def wait(self, timeout=None):
        self.waits.append(timeout)
        self._scene.now += timeout or 0.0
        return self.requested


@dataclass
class Witness:
    """Learns all that the loop tells, and may do something about a batch that was rolled back."""

    turns: int = 0
    on_failure: Callable[[int], None] = lambda _: None
    batches: list = field(default_factory=list)
    rolled_back: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    def turned(self):
        self.turns += 1

    def batch_scored(self, event):
        self.batches.append(event)

    def batch_rolled_back(self, records, error, retry_seconds):
        self.rolled_back.append((len(records), type(error), retry_seconds))
        self.errors.append(str(error))
        self.on_failure(len(self.rolled_back))


class Scene:
    """A member over four partitions, with a weighted sum as its model: 2x + y, and 3x + y as version 2."""

    def __init__(self, *, tombstones=Tombstones.DEAD_LETTER, limits=None, breaker=None, max_record_bytes=1 << 20):
        self.broker = MemoryBroker()
        for topic in ("features", "predictions", "dead-letters"):
            self.broker.create_topic(topic, 4)
        self.source = MemorySource(self.broker, GROUP, ["features"])
        self.publisher = MemoryPublisher(
            self.broker, output_topic="predictions", dead_letter_topic="dead-letters", max_record_bytes=max_record_bytes
        )
        self.catalog, self.stop, self.witness, self.now = OneSchema(), StopOverFakeTime(self), Witness(), 0.0
        features = [Feature("x"), Feature("y")]
        versions = FixedVersions(
            {1: WeightedSum(features, [2, 1]), 2: WeightedSum(features, [3, 1])}, {"production": 1}
        )
        path = ScoringPath(
            versions,
            PayloadDecoder(self.catalog, framing=Framing.CONFLUENT),
            PredictionEncoder(prefix_for(Framing.CONFLUENT, PREDICTION_ID, prediction_schema())),
            wall_clock=lambda: 1_700_000_000.0,
            tombstones=tombstones,
        )
        self.delivery = AtLeastOnce(
            self.publisher,
            self.source,
            commit_interval_seconds=0.0,
            clock=self.tick,
            patience=Patience(self.source, clock=self.tick, should_give_up=lambda: False, heartbeat=lambda: None),
        )
        self.loop = StreamLoop(
            self.source,
            path,
            self.delivery,
            stop=self.stop,
            clock=self.tick,
            wall_clock=lambda: 1_700_000_001.0,
            observers=[self.witness],
            limits=limits,
            backoff=Backoff(rng=random.Random(7)),
            breaker=breaker,
        )

    def tick(self):
        self.now += 0.001
        return self.now

    def turn(self, times=1):
        for _ in range(times):
            self.loop.turn()

    def committed(self):
        """Beyond the start, where nothing is finished."""
        return {p: offset for p, offset in self.broker.group(GROUP).committed.items() if offset}

    def predictions(self):
        return [(r.partition(), decode(r)["prediction"]) for r in self.broker.read("predictions")]
