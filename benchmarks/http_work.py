"""Requests of `POST /predict` ready to be sent, and what each has to be answered with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.flights import Flights
from scoreline.features import FeatureSet

HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Work:
    """Requests for one kind of server.

    Attributes:
        instances: that each request has.
        expected: what `Booster.predict` gives for each request's rows.
        field: of the answer that holds the predictions: `predictions`, or `outputs` of the Open Inference Protocol.
    """

    requests: tuple[bytes, ...]
    expected: tuple[list[float], ...]
    instances: int = 1
    field: str = "predictions"

    def check(self, number: int, answer: bytes) -> None:
        """Compare an answer, head and body, with what it has to be."""
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        found = msgspec.json.decode(answer[answer.index(END_OF_HEAD) + len(END_OF_HEAD) :])[self.field]
        values = found if self.field == "predictions" else found[0]["data"]
        assert values == self.expected[number], f"another answer than Booster.predict: {values}"


def make_work(flights: Flights, instances: int = 1) -> Work:
    """All flights as rows with the names of the features, so many in a request."""
    rows = [to_row(flights.features, values) for values in flights.matrix.tolist()]
    scores = flights.booster.predict(flights.matrix, num_threads=1).tolist()
    starts = range(0, len(rows) - instances + 1, instances)
    bodies = [msgspec.json.encode({"instances": rows[i : i + instances]}) for i in starts]
    return Work(
        tuple(HEAD % (b"/predict", len(body), body) for body in bodies),
        tuple(scores[i : i + instances] for i in starts),
        instances,
    )


def make_tensor_work(flights: Flights, path: str) -> Work:
    """The flights without nulls as tensors of the Open Inference Protocol, one in a request: codes for the levels."""
    scores = flights.booster.predict(flights.matrix, num_threads=1).tolist()
    requests, expected = [], []
    for values, score in zip(flights.matrix.tolist(), scores, strict=True):
        if not any(map(math.isnan, values)):
            tensor = {"name": "rows", "shape": [1, len(values)], "datatype": "FP64", "data": values}
            body = msgspec.json.encode({"inputs": [tensor]})
            requests.append(HEAD % (path.encode(), len(body), body))
            expected.append([score])
    return Work(tuple(requests), tuple(expected), field="outputs")


def to_row(features: FeatureSet, values: Sequence[float]) -> dict[str, object]:
    """An instance as a caller sends it."""
    row: dict[str, object] = {}
    for feature, value in zip(features, values, strict=True):
        if math.isnan(value):
            row[feature.name] = None
        else:
            row[feature.name] = value if feature.levels is None else feature.levels[int(value)]
    return row
