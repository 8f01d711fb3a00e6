"""Opens the scoring path that the settings describe, once the schema registry has said how predictions are framed."""

import logging
import time
from collections.abc import Callable

from scoreline.config.settings import Settings
from scoreline.errors import Unavailable
from scoreline.models.live_route import Versions
from scoreline.schemas.catalog import SchemaCatalog
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath, Tombstones
from scoreline.transport.backoff import Backoff
from scoreline.transport.stopping import StopSignal

logger = logging.getLogger("scoreline.stream")


def open_path(
    settings: Settings,
    versions: Versions,
    catalog: SchemaCatalog,
    *,
    stop: StopSignal,
    heartbeat: Callable[[], None],
    describe: Callable[[str], None],
) -> ScoringPath | None:
    """The scoring path; None when the stop came while the registry was away.

    Args:
        heartbeat: told that whoever waits for the registry is alive.
        describe: told what is waited for.

    Raises:
        SchemaError: the registry refuses the schema of predictions, or does not have it.
    """
    schema_id = _find_output_id(settings, catalog, stop=stop, heartbeat=heartbeat, describe=describe)
    if schema_id is None:
        return None

    def go_on() -> None:
        """Between two questions to a registry that may be slow: alive, and not beyond a stop."""
        heartbeat()
        if stop.is_set():
            raise Unavailable("a stop was requested, and the schema registry has not answered everything yet")

    decoder = make_decoder(settings, catalog, before_lookup=go_on)
    encoder = PredictionEncoder(prefix_for(Framing(settings.input_format), schema_id, prediction_schema()))
    return ScoringPath(versions, decoder, encoder, wall_clock=time.time, tombstones=Tombstones(settings.tombstones))


def make_decoder(
    settings: Settings, catalog: SchemaCatalog, *, before_lookup: Callable[[], None] = lambda: None
) -> PayloadDecoder:
    """A decoder of the input, for one thread.

    Args:
        before_lookup: see `PayloadDecoder`.
    """
    return PayloadDecoder(
        catalog,
        framing=Framing(settings.input_format),
        id_field=settings.id_field,
        event_time_field=settings.event_time_field,
        before_lookup=before_lookup,
    )


def _find_output_id(
    settings: Settings,
    catalog: SchemaCatalog,
    *,
    stop: StopSignal,
    heartbeat: Callable[[], None],
    describe: Callable[[str], None],
) -> int | None:
    """The id that predictions are framed with, asked for until the registry has answered."""
    subject = f"{settings.output_topic}-value"
    backoff = Backoff()
    while not stop.is_set():
        heartbeat()
        try:
            return catalog.id_of_output(subject, prediction_schema())
        except Unavailable as error:
            seconds = backoff.next_seconds()
            describe(f"waiting for the schema registry: {error}")
            logger.warning(
                "the schema registry is away: %s",
                error,
                extra={"event": "registry_awaited", "retry_seconds": round(seconds, 3)},
            )
            stop.wait(seconds)
    return None
