"""A client for the sidecar, with the standard library alone: `Client` blocks, `AsyncClient` is awaited."""

from scoreline.client.answers import (
    Contribution,
    Explanation,
    Health,
    Job,
    JobStatus,
    Models,
    Predictions,
    RowResult,
)
from scoreline.client.asynchronous import AsyncClient
from scoreline.client.errors import ClientError, Problem, RowError
from scoreline.client.retries import Retries
from scoreline.client.sync import Client

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Contribution",
    "Explanation",
    "Health",
    "Job",
    "JobStatus",
    "Models",
    "Predictions",
    "Problem",
    "Retries",
    "RowError",
    "RowResult",
]
