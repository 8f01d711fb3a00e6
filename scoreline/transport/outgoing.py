"""Which headers a prediction carries; what a dead letter carries is in `scoreline.dead_letters`."""

from scoreline.records import Record, caller_headers

MODEL_HEADER = "scoreline-model"
VERSION_HEADER = "scoreline-version"


def prediction_headers(record: Record, model: str, version: int) -> list[tuple[str, bytes | None]]:
    """The caller's headers, then the model and the version that made the prediction."""
    return [*caller_headers(record), (MODEL_HEADER, model.encode()), (VERSION_HEADER, str(version).encode())]
