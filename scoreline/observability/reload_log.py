"""Logs what becomes of the live version: each change once, and each reason why there is none."""

import logging

from scoreline.models.reloading import Look, ReloadOutcome

logger = logging.getLogger("scoreline.models")


class ReloadLog:
    """Observer of looks at the alias.

    Args:
        alias: for people.
        version: that is live at the start.
    """

    def __init__(self, alias: str, version: int) -> None:
        self._alias = alias
        self._version = version
        self._trouble = ""

    def looked(self, look: Look) -> None:
        """One line for each change."""
        live = look.live
        if live.version != self._version:
            logger.info(
                "%s means version %d: it answers instead of %d",
                self._alias,
                live.version,
                self._version,
                extra={
                    "event": "version_live",
                    "model": live.name,
                    "version": live.version,
                    "before": self._version,
                    "sha256": live.sha256,
                    "seconds": round(look.load_seconds, 3),
                },
            )
            self._version = live.version
        if look.detail and look.detail != self._trouble:
            away = look.outcome is ReloadOutcome.STORE_AWAY
            logger.warning(
                "the model store cannot be asked; version %d goes on: %s"
                if away
                else "what the alias means may not serve; version %d goes on: %s",
                live.version,
                look.detail,
                extra={
                    "event": "model_store_away" if away else "version_rejected",
                    "model": live.name,
                    "alias": self._alias,
                    "version": live.version,
                    "detail": look.detail,
                },
            )
        if self._trouble and not look.detail:
            logger.info(
                "the live version is the one that %s means",
                self._alias,
                extra={"event": "version_settled", "model": live.name, "version": live.version},
            )
        self._trouble = look.detail
