"""Opens what scores with the shadows of the stream's route, and puts their predictions out."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from scoreline.config.librdkafka import producer_properties
from scoreline.kafka.publishing.shadow_publisher import ShadowPublisher
from scoreline.observability.events import BatchObserver
from scoreline.scoring import ScoringPath
from scoreline.service.parts import Parts
from scoreline.service.paths import make_decoder
from scoreline.stream.shadowing import StreamShadows
from scoreline.transport.ports import ClientObserver

CLOSE_SECONDS = 2.0
"""What is being scored by a shadow when the service stops is waited for so long."""


@dataclass(frozen=True, slots=True)
class OpenShadows:
    """The observer of batches, and how it ends."""

    observer: BatchObserver
    parts: Parts
    publisher: ShadowPublisher

    def close(self) -> None:
        """Drop what waits, and what is under way after a moment."""
        self.parts.shadows.close(CLOSE_SECONDS)
        self.publisher.close()


def open_stream_shadows(
    parts: Parts, path: ScoringPath, count_partitions: Callable[[str], int], client_observer: ClientObserver
) -> OpenShadows:
    """Shadows of the stream; a producer is made when there is something to put out."""
    settings = parts.settings
    publisher = ShadowPublisher(
        producer_properties(settings),
        settings.shadow_topic,
        count_partitions=count_partitions,
        undelivered=parts.metrics.shadow_dropped,
        observer=client_observer,
        output_headers=settings.output_headers,
    )
    decoder = make_decoder(settings, parts.make_catalog())
    observer = StreamShadows(parts.shadows, decoder, path.encoder, publisher.publish, wall_clock=time.time)
    return OpenShadows(observer, parts, publisher)
