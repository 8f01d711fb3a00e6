"""Logs that the model store is away and memory answers, and that it is back: one line each."""

import logging

from scoreline.models.store import Outage

logger = logging.getLogger("scoreline.models")


class StoreLog:
    """Observer of the model store; implements `scoreline.models.store.StoreObserver`."""

    def store_away(self, outage: Outage) -> None:
        """Warn of it."""
        logger.warning(
            "the model store cannot be asked; what this machine remembers of it answers: %s",
            outage.detail,
            extra={"event": "model_store_recalled", "detail": outage.detail},
        )

    def store_back(self, outage: Outage) -> None:  # noqa: ARG002 - the port's name
        """Say that it is over."""
        logger.info("the model store answers again", extra={"event": "model_store_back"})
