"""`/drift`: whether what is scored still looks like the training."""

import asyncio
from typing import Protocol

from scoreline.errors import FeatureNotFound, MalformedRequest, ModelNotFound
from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.openapi.operations import Location, Operation, Parameter, as_json
from scoreline.http.query import parse_whole_number, read_query
from scoreline.http.routes import Route
from scoreline.observability.drift.report import DriftReport

_MOST_DIGITS = 9
_OPERATION = Operation(
    description="Outputs first, then the features, those that the model uses most before the others. Histograms are of"
    " the baseline and of the last window, with few bars.",
    parameters=[
        Parameter("version", Location.QUERY, {"type": "integer", "minimum": 1}, "The only version to tell of."),
        Parameter(
            "feature",
            Location.QUERY,
            {"type": "string"},
            "The only feature, or output (`output:` and its name), to tell of, with every bin of its histogram.",
        ),
    ],
    answers={200: as_json(DriftReport)},
    problems=[MalformedRequest, ModelNotFound, FeatureNotFound],
)


class ReadDrift(Protocol):
    """How the versions stand; may compute for a while, and may be called from any thread."""

    def __call__(self, version: int | None = None, feature: str | None = None) -> DriftReport:
        """The report.

        Raises:
            ModelNotFound: nothing of the version is watched.
            FeatureNotFound: no version has the feature.
        """
        ...


class DriftRoutes:
    """Reads on a thread: with thousands of features histograms take a while."""

    def __init__(self, read_drift: ReadDrift) -> None:
        self._read_drift = read_drift

    def list_routes(self) -> list[Route]:
        """The route, for whoever may predict."""
        summary = "Drift of features and outputs, by version"
        return [Route("GET", "/drift", Door.PREDICT, self.show, summary, _OPERATION)]

    async def show(self, call: Call) -> Answer:
        """The report.

        Raises:
            MalformedRequest: the query cannot be read.
            ModelNotFound: nothing of the version is watched.
            FeatureNotFound: no version has the feature.
        """
        query = read_query(call.request, ("version", "feature"))
        version = None
        if "version" in query:
            version = parse_whole_number(query["version"], most_digits=_MOST_DIGITS)
            if not version:
                raise MalformedRequest(
                    "the query parameter 'version' has to be a version number, a whole number from 1"
                )
        return answer_json(await asyncio.to_thread(self._read_drift, version, query.get("feature")))
