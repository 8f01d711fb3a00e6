"""Promises of a benchmark: each is printed with what was found, and all that are missed fail it together."""


class Bounds:
    """Collects what was promised and what was found."""

    def __init__(self) -> None:
        self._missed: list[str] = []

    def at_least(self, what: str, found: float, limit: float) -> None:
        self._judge(what, found, limit, kept=found >= limit, sign="≥")

    def at_most(self, what: str, found: float, limit: float) -> None:
        self._judge(what, found, limit, kept=found <= limit, sign="≤")

    def conclude(self) -> None:
        """Fail if any of them was missed."""
        assert not self._missed, "missed: " + "; ".join(self._missed)

    def _judge(self, what: str, found: float, limit: float, *, kept: bool, sign: str) -> None:
        line = f"{what}: {found:.2f} (bound {sign} {limit:.2f})"
        print(f"{'kept' if kept else 'MISSED':>6}  {line}", flush=True)
        if not kept:
            self._missed.append(line)
