"""What the stream role needs to tell the quality of its predictions once labels come, where a topic has them."""

import time

from scoreline.config.librdkafka import consumer_properties
from scoreline.config.roles import Role
from scoreline.kafka.labels.reader import KafkaLabelReader, open_label_reader
from scoreline.kafka.labels.reading import LabelReading
from scoreline.models.inspection import Output
from scoreline.models.model import ModelVersion
from scoreline.observability.health import ComponentHealth
from scoreline.observability.labels.joining import LabelJoin
from scoreline.observability.labels.notes import PredictionNotes
from scoreline.observability.labels.quality import LiveQuality
from scoreline.schemas.framing import Framing
from scoreline.schemas.labels import LabelDecoder
from scoreline.service.parts import Parts
from scoreline.transport.ports import ClientObserver

CLOSE_SECONDS = 1.0


class LiveLabels:
    """Reads labels beside the stream, from `start` on.

    Attributes:
        notes: has to observe the batches of the stream.
    """

    def __init__(self, parts: Parts, notes: PredictionNotes, reader: KafkaLabelReader) -> None:
        self.notes = notes
        self._reader = reader
        parts.health.add(self._check)

    def start(self) -> None:
        """Begin to read."""
        self._reader.start()

    def close(self, within_seconds: float) -> None:
        """Stop reading: what is not joined by now was only going to be looked at."""
        self._reader.close(min(CLOSE_SECONDS, within_seconds))

    def _check(self) -> ComponentHealth:
        """Predictions go on without it; what is away it waits for, and says so."""
        works = self._reader.is_alive
        return ComponentHealth("labels", Role.STREAM, works, works, self._reader.describe(), advisory=True)


def open_labels(parts: Parts, topic: str, observer: ClientObserver) -> LiveLabels:
    """Everything between the settings and the reader.

    Raises:
        ConfigError: the folder of schemas is damaged, or the client does not take a property.
    """
    settings, clock = parts.settings, time.monotonic

    def find_output(version: ModelVersion) -> Output:
        return parts.store.manifest(version.name, version.version).output

    quality = LiveQuality(
        parts.metrics.quality,
        seconds=settings.labels_max_seconds,
        list_loaded=lambda: [version.version for version in parts.versions.resident()],
        clock=clock,
    )
    parts.stats.watch_quality(quality.read)
    parts.metrics.quality.watch(quality.read)
    notes = PredictionNotes(settings.labels_max_predictions, clock)
    join = LabelJoin(
        notes,
        quality,
        most_predictions=settings.labels_max_predictions,
        seconds=settings.labels_max_seconds,
        find_output=find_output,
        clock=clock,
    )
    decoder = LabelDecoder(parts.make_catalog(), Framing(settings.input_format))
    reading = LabelReading(decoder, join, quality, clock=clock)
    return LiveLabels(parts, notes, open_label_reader(consumer_properties(settings), topic, reading, observer=observer))
