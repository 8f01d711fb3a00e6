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
from scoreline.service.stopping import Stop
from scoreline.stream.shadowing import StreamShadows
from scoreline.transport.ports import ClientObserver

CLOSE_SECONDS = 2.0
"""What is being scored by a shadow when the service stops is waited for so long."""


SHARES = 4
"""Into which the rest of a stop's deadline is divided: one for the scorer, two for the producer, and one to spare."""


@dataclass(frozen=True, slots=True)
class OpenShadows:
    """The observer of batches, and how it ends."""

    observer: BatchObserver
    parts: Parts
    publisher: ShadowPublisher
    stop: Stop

    def close(self) -> None:
        """Drop what waits, and what is under way after a moment, as far as the deadline of the stop leaves one."""
        share_seconds = max(0.0, self.stop.left_seconds() - self.stop.sidecar_seconds) / SHARES
        self.parts.shadows.close(min(CLOSE_SECONDS, share_seconds))
        self.publisher.close(share_seconds)


def open_stream_shadows(
    parts: Parts, path: ScoringPath, stop: Stop, count_partitions: Callable[[str], int], client_observer: ClientObserver
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
    return OpenShadows(observer, parts, publisher, stop)
