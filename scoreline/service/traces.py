"""Spans, where they are asked for; OpenTelemetry is loaded only then."""

import time
from typing import TYPE_CHECKING

from scoreline.config.settings import Settings
from scoreline.observability.traces.ports import SpanObserver

if TYPE_CHECKING:
    from scoreline.observability.traces.tracing import Traces

MOST_FLUSH_SECONDS = 3.0
"""Of a stop: so long a collector may take for what was not exported yet."""


def open_traces(settings: Settings, model: str, observer: SpanObserver) -> "Traces | None":
    """What makes spans; None where nobody asks for them."""
    if settings.traces == "none":
        return None
    from scoreline.observability.traces.tracing import Traces

    groups = settings.group_for(model), settings.jobs_group_for(model)
    return Traces(*groups, observer=observer, wall_clock=time.time)
