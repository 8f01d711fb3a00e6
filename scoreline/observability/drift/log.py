"""Logs what has drifted, and what has come back; no value of a record is in it, only statistics of many."""

import logging
from collections.abc import Sequence

from scoreline.observability.drift.ports import DriftChanged

logger = logging.getLogger("scoreline.drift")

MOST_LINES = 20
"""Of one look or window: where everything changes at once, the rest is one line."""


class DriftLog:
    """Implements `DriftListener`."""

    def drift_changed(self, events: Sequence[DriftChanged]) -> None:
        """One line for each change, as far as anybody reads them."""
        for event in events[:MOST_LINES]:
            _log(event)
        untold = events[MOST_LINES:]
        if untold:
            raised = sum(event.raised for event in untold)
            logger.log(
                logging.WARNING if raised else logging.INFO,
                "%s %s: %s further features and outputs have changed, of which %s are worse than before; see /drift",
                untold[0].model,
                untold[0].version,
                len(untold),
                raised,
                extra={
                    "event": "drift_untold",
                    "model": untold[0].model,
                    "version": untold[0].version,
                    "raised": raised,
                    "cleared": len(untold) - raised,
                },
            )


def _log(event: DriftChanged) -> None:
    change = event.change
    cause = change.cause
    logger.log(
        logging.WARNING if event.raised else logging.INFO,
        "%s %s: %s is in state %s after %s: %s is %.4g, where %.4g is the threshold"
        if event.raised
        else "%s %s: %s is in state %s after %s, which was because of %s (%.4g, threshold %.4g)",
        event.model,
        event.version,
        change.name,
        change.state,
        change.earlier,
        cause.statistic,
        cause.value,
        cause.threshold,
        extra={
            "event": "drift_raised" if event.raised else "drift_cleared",
            "model": event.model,
            "version": event.version,
            "feature": change.name,
            "state": change.state.value,
            "before": change.earlier.value,
            "rule": cause.rule.value,
            "statistic": cause.statistic,
            "value": cause.value,
            "threshold": cause.threshold,
            "windows": cause.windows,
            "baseline": event.origin.value,
        },
    )
