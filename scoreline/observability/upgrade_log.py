"""Logs what becomes of compiling versions: each attempt once."""

import logging

from scoreline.models.compiled.outcomes import Upgrade, UpgradeOutcome

logger = logging.getLogger("scoreline.models")

_LINES = {
    UpgradeOutcome.REFUSED: (logging.WARNING, "compilation_refused", "LightGBM goes on with version %d: %s"),
    UpgradeOutcome.FAILED: (
        logging.WARNING,
        "compilation_failed",
        "LightGBM goes on with version %d, compiling it is tried again later: %s",
    ),
}


class UpgradeLog:
    """Listener of attempts to compile a version."""

    def upgraded(self, upgrade: Upgrade) -> None:
        """One line for each attempt, and one more where its code could not be kept."""
        version = upgrade.version
        facts = {
            "model": version.name,
            "version": version.version,
            "sha256": version.sha256,
            "seconds": round(upgrade.seconds, 3),
        }
        if upgrade.outcome in _LINES:
            level, event, text = _LINES[upgrade.outcome]
            logger.log(
                level, text, version.version, upgrade.detail, extra={"event": event, **facts, "detail": upgrade.detail}
            )
            return
        logger.info(
            "version %d is compiled: its code answers instead of LightGBM",
            version.version,
            extra={
                "event": "engine_upgraded",
                **facts,
                "cached": upgrade.outcome is UpgradeOutcome.CACHED,
                "equal_rows": upgrade.equal_rows,
            },
        )
        if upgrade.unkept:
            logger.warning(
                "the code of version %d serves, but the next process has to compile it again: %s",
                version.version,
                upgrade.unkept,
                extra={"event": "compiled_code_not_kept", **facts, "detail": upgrade.unkept},
            )
