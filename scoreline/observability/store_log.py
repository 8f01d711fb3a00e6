"""Logs that the model store is away and memory answers, that it is back, and that memory fails: one line each."""

import logging

from scoreline.models.store import Outage

logger = logging.getLogger("scoreline.models")


class StoreLog:
    """Observer of the model store; implements `scoreline.models.store.StoreObserver`."""

    def store_away(self, outage: Outage) -> None:
        """Warn of it."""
        logger.warning(
            "the model store cannot be asked; what this machine remembers of it answers, as far as that goes: %s",
            outage.detail,
            extra={"event": "model_store_recalled", "detail": outage.detail},
        )

    def store_back(self, outage: Outage) -> None:  # noqa: ARG002 - the port's name
        """Say that it is over."""
        logger.info("the model store answers again", extra={"event": "model_store_back"})

    def not_remembered(self, detail: str) -> None:
        """Warn of it: what serves goes on, but a restart while the store is away may find nothing."""
        logger.warning(
            "what the model store gives cannot be kept on this machine; models serve all the same: %s",
            detail,
            extra={"event": "model_store_not_remembered", "detail": detail},
        )
