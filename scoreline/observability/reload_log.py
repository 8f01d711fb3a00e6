"""Logs what becomes of the live versions: each change once, and each reason why there is none."""

import logging
from typing import Any

from scoreline.models.live_route import LiveRoute
from scoreline.models.reloading import Look, ReloadOutcome

logger = logging.getLogger("scoreline.models")


class ReloadLog:
    """Observer of looks at the alias.

    Args:
        alias: for people.
        live: at the start.
    """

    def __init__(self, alias: str, live: LiveRoute) -> None:
        self._alias = alias
        self._live = live
        self._trouble = ""

    def looked(self, look: Look) -> None:
        """One line for each change."""
        live = look.live
        if look.outcome is ReloadOutcome.RELOADED:
            logger.info(
                "%s means %s: it answers instead of %s",
                self._alias,
                live,
                self._live,
                extra={
                    "event": "version_live",
                    **_describe(live),
                    "before": self._live.only.version if self._live.only is not None else str(self._live),
                    "seconds": round(look.load_seconds, 3),
                },
            )
            self._live = live
        if look.remembered:
            return  # the store's own observer tells when it goes away, and when it is back
        if look.detail and look.detail != self._trouble:
            away = look.outcome is ReloadOutcome.STORE_AWAY
            logger.warning(
                "the model store cannot be asked; %s goes on: %s"
                if away
                else "what the alias means may not serve; %s goes on: %s",
                live,
                look.detail,
                extra={
                    "event": "model_store_away" if away else "version_rejected",
                    **_describe(live),
                    "alias": self._alias,
                    "detail": look.detail,
                },
            )
        if self._trouble and not look.detail:
            logger.info(
                "what answers is what %s means", self._alias, extra={"event": "version_settled", **_describe(live)}
            )
        self._trouble = look.detail


def _describe(live: LiveRoute) -> dict[str, Any]:
    """Fields of a log line: the version where one answers everything, else all that do."""
    name = live.versions[0].name
    if live.only is not None and not live.shadows:
        return {"model": name, "version": live.only.version, "sha256": live.only.sha256}
    return {"model": name, "versions": live.numbers, "shadows": [version.version for version in live.shadows]}
