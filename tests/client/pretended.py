"""A sidecar's job routes, pretended in memory: what is submitted has been scored by the time it is asked for."""

import itertools
import json
from typing import Any

from tests.client.jobs import tell_job
from tests.client.scripted import Scripted, Turn, write_answer


class PretendedJobs:
    """A row is predicted to be its `temp` doubled; it takes a job two looks to end."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._looks = 0
        self.server = Scripted(itertools.repeat(self._answer))

    def _answer(self, turn: Turn) -> None:
        asked = turn.take()
        if asked.method == "POST":
            self.rows = [json.loads(line) for line in asked.body.splitlines()]
            turn.send(write_answer(202, self._tell("queued", 0)))
        elif asked.path.endswith("/results"):
            lines = (
                json.dumps({"instance": i, "prediction": 2 * row["temp"]}).encode() + b"\n"
                for i, row in enumerate(self.rows)
            )
            turn.send_chunks([b"".join(lines)])
        else:
            self._looks += 1
            told = ("running", len(self.rows) // 2) if self._looks == 1 else ("succeeded", len(self.rows))
            turn.send(write_answer(200, self._tell(*told)))

    def _tell(self, status: str, rows_done: int) -> dict[str, Any]:
        return tell_job(status, rows=len(self.rows), rows_done=rows_done)
