"""Asks a running service for predictions with hostile bodies, and looks at every answer.

`python -m tests.http.fuzz --bodies 100000` does it alone. Each answer is a 2xx that is right to the bit, or a 4xx that
is a whole problem; the process lives, and its memory stays as it was after a tenth of the bodies. Some of the requests
are for a model of very many features that may not be null: what is told of them is compared, too.
"""

import argparse
import gzip
import http.client
import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from scoreline.testing.service import ServiceProcess
from tests.http.fuzz_bodies import BodyMaker
from tests.http.fuzz_oracle import MOST_ROWS, NAME, Oracle, Unreadable, publish_model
from tests.http.fuzz_wide import WideMaker, WideOracle, publish_wide_model

CONNECTIONS = 4
WIDE_EVERY = 125
_PROBLEM = "application/problem+json"
_OK, _REFUSED = 200, range(400, 500)


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer that is wrong."""

    why: str
    body: bytes
    status: int
    answer: bytes

    def __str__(self) -> str:
        return f"{self.why}: {self.body[:500]!r} -> {self.status} {self.answer[:500]!r}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        grown_bytes: resident memory at the end beyond that after a tenth of the bodies.
    """

    statuses: Mapping[int, int]
    findings: tuple[Finding, ...]
    seconds: float
    resident_bytes: int
    grown_bytes: int
    reconnected: int

    def __str__(self) -> str:
        return (
            f"{sum(self.statuses.values())} bodies in {self.seconds:.0f} s: {dict(sorted(self.statuses.items()))}, "
            f"{len(self.findings)} findings, {self.reconnected} connections ended by the service, "
            f"resident {self.resident_bytes / 2**20:.1f} MiB, {self.grown_bytes / 2**20:+.1f} MiB since a tenth of them"
        )


def fuzz(service: ServiceProcess, oracle: Oracle, wide: WideOracle, *, bodies: int, seed: int) -> Outcome:
    """Send that many bodies over a few connections that are kept."""
    maker, wide_maker, pick = BodyMaker(seed), WideMaker(seed, NAME, wide.version), Random(seed)
    callers = [_Caller(service.port) for _ in range(CONNECTIONS)]
    statuses: Counter[int] = Counter()
    findings: list[Finding] = []
    began, settled = time.monotonic(), 0
    for number in range(bodies):
        if number == bodies // 10:
            settled = read_resident(service.pid)
        caller = callers[number % CONNECTIONS]
        if number % WIDE_EVERY == 0:
            asked = wide_maker.make()
            body = asked.body
            status, content_type, answer = caller.ask(asked.path, body, pick)
            why = wide.find_fault(asked, status, answer)
        else:
            body, ignore_unknown = maker.make(), pick.random() < 0.2
            path = "/predict?ignore_unknown=true" if ignore_unknown else "/predict"
            status, content_type, answer = caller.ask(path, body, pick)
            why = judge(oracle, body, status, content_type, answer, ignore_unknown=ignore_unknown)
        statuses[status] += 1
        if why is not None:
            findings.append(Finding(why, body, status, answer))
    resident = read_resident(service.pid)
    reconnected = sum(caller.reconnected for caller in callers)
    for caller in callers:
        caller.close()
    seconds = time.monotonic() - began
    return Outcome(statuses, tuple(findings), seconds, resident, resident - settled, reconnected)


def judge(
    oracle: Oracle, body: bytes, status: int, content_type: str | None, answer: bytes, *, ignore_unknown: bool
) -> str | None:
    """What is wrong with an answer; None for nothing."""
    try:
        expected = oracle.score(body, ignore_unknown=ignore_unknown)
    except Unreadable:
        expected = None
    if status == _OK:
        if expected is None:
            return "was answered, but should have been refused"
        return None if json.loads(answer)["predictions"] == expected else f"should have been {expected[:5]}"
    if status not in _REFUSED:
        return "is no answer that a caller may cause"
    if expected is not None and b"\\ud" not in body.lower():  # half a surrogate pair is no text: the oracle is lenient
        return "was refused, but should have been answered"
    return find_fault(json.loads(answer), status) if content_type == _PROBLEM else "is no problem"


def find_fault(problem: Any, status: int) -> str | None:
    """What is missing in a problem."""
    if set(problem) - {"errors"} != {"type", "title", "status", "detail"} or problem["status"] != status:
        return "is no whole problem"
    for error in problem.get("errors", []):
        if (
            not 0 <= error["instance"] <= MOST_ROWS
            or not error["detail"]
            or set(error) - {"instance", "feature", "detail"}
        ):
            return "names no instance"
    return None


def read_resident(pid: int) -> int:
    """Resident memory of a process, bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


class _Caller:
    """A connection that is kept as long as the service keeps it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.reconnected = -1

    def ask(self, path: str, body: bytes, pick: Random) -> tuple[int, str | None, bytes]:
        headers = {"Content-Type": "application/json"}
        shape = pick.random()
        sent: Any = body
        if shape < 0.05:
            headers["Content-Encoding"] = "gzip"
            sent = gzip.compress(body, 1)
        elif shape < 0.1:
            headers["Transfer-Encoding"] = "chunked"
            sent = (
                (body[i : i + 100] for i in range(0, min(len(body), 100_000), 100)) if len(body) < 100_000 else [body]
            )
        if self._connection.sock is None:
            self.reconnected += 1
        self._connection.request("POST", path, sent, headers, encode_chunked="Transfer-Encoding" in headers)
        with self._connection.getresponse() as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()

    def close(self) -> None:
        self._connection.close()


def run(folder: Path, *, bodies: int, seed: int) -> Outcome:
    """Publish the models, start a service that serves them, and fuzz it.

    Raises:
        Unavailable: it does not start, or is gone.
    """
    wide, oracle = publish_wide_model(folder, NAME), publish_model(folder)
    variables = {
        "MODEL_STORE": str(folder / "models"),
        "CACHE_DIR": str(folder / "cache"),
        "MODEL": NAME,
        "HTTP_ACCESS_LOG": "none",
    }
    with ServiceProcess(variables, folder, roles=["http"]) as service:
        service.await_ready()
        outcome = fuzz(service, oracle, wide, bodies=bodies, seed=seed)
        service.await_ready(5)
        return outcome


def main() -> int:
    """Fuzz, and say what came of it; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), bodies=arguments.bodies, seed=arguments.seed)
    for finding in outcome.findings[:20]:
        print(finding)
    print(outcome)
    return bool(outcome.findings)


if __name__ == "__main__":
    raise SystemExit(main())
