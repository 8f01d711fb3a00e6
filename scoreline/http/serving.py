"""What the http role serves: predictions, tensors, batch jobs and models, with the threads that they need."""

from dataclasses import dataclass

from scoreline.http.auth import Door
from scoreline.http.batch.routes import BatchRoutes, JobServing
from scoreline.http.inference_v2.infer import Inferrer
from scoreline.http.inference_v2.routes import InferenceRoutes
from scoreline.http.limits import BodyReader, Limits
from scoreline.http.models import ModelListing, ModelRoutes
from scoreline.http.pool import BoundedPool
from scoreline.http.predict.explanations import MOST_PENDING
from scoreline.http.predict.operation import make_predict_operation
from scoreline.http.predict.predictor import Predictor
from scoreline.http.predict.shadowing import HttpShadows
from scoreline.http.predict.version_finder import VersionFinder
from scoreline.http.reload import ReloadRoutes
from scoreline.http.routes import Route
from scoreline.models.live_route import Versions
from scoreline.models.reloading import LookNow
from scoreline.observability.events import RowsObserver
from scoreline.observability.health import HealthBoard
from scoreline.records import Clock
from scoreline.scoring.shadows import ShadowScorer


@dataclass(frozen=True, slots=True)
class Serving:
    """What the http role has beyond what every role serves.

    Attributes:
        workers: threads for requests that are too large for the event loop.
        reload_models: looks at what the alias means now; None where nobody could be asked for a token.
        shadows: scores with the shadows of a route; None leaves them out.
        jobs: Kafka for batch jobs; None where there is none.
        observer: told of rows that are answered.
    """

    versions: Versions
    models: ModelListing
    workers: int = 1
    reload_models: LookNow | None = None
    shadows: ShadowScorer | None = None
    jobs: JobServing | None = None
    observer: RowsObserver | None = None


class ServingRoutes:
    """Makes the routes, all of which share one bound on bodies and the same few threads.

    Args:
        guarded: whether callers have tokens.

    Attributes:
        predict: the route of `POST /predict`.
        answer_at_once: answers it where that takes no waiting.
    """

    def __init__(
        self,
        serving: Serving,
        limits: Limits,
        health: HealthBoard,
        *,
        guarded: bool,
        clock: Clock,
        wall_clock: Clock,
    ) -> None:
        self._limits = limits
        self._pools: list[BoundedPool] = []
        scoring = self._make_pool("scoring", serving.workers)
        # Of their own, so that a slow listing does not hold up a prediction with a version that is loaded.
        loading, listing = self._make_pool("loading", 2), self._make_pool("listing", 1)
        # Whoever asks why holds up nobody who asks what.
        explaining = self._make_pool("explaining", 1, min(MOST_PENDING, limits.max_concurrency))
        finder, bodies = VersionFinder(serving.versions, loading), BodyReader(limits)
        shadows = None if serving.shadows is None else HttpShadows(serving.shadows)
        predictor = Predictor(
            finder,
            limits,
            bodies=bodies,
            scoring=scoring,
            explaining=explaining,
            clock=clock,
            shadows=shadows,
            observer=serving.observer,
        )
        self.answer_at_once = predictor.answer_at_once
        operation = make_predict_operation(limits.max_instances)
        self.predict = Route("POST", "/predict", Door.PREDICT, predictor.answer, "Score instances", operation)
        inferrer = Inferrer(finder, limits, bodies=bodies, scoring=scoring, shadows=shadows, observer=serving.observer)
        self._batch = BatchRoutes(
            serving.jobs,
            finder,
            limits,
            bodies=bodies,
            paging=self._make_pool("job-results", 2),
            cutting=self._make_pool("job-cutting", 1),
            asks_token=guarded,
            wall_clock=wall_clock,
        )
        self._routes = [
            self.predict,
            *ModelRoutes(serving.models, listing).list_routes(),
            *InferenceRoutes(finder, inferrer, health, serving.models, listing).list_routes(),
            *self._batch.list_routes(),
        ]
        if serving.reload_models is not None:
            self._routes += ReloadRoutes(serving.reload_models, limits.timeout_seconds).list_routes()

    def list_routes(self) -> list[Route]:
        """The routes of the http role."""
        return list(self._routes)

    def stop_waiting(self) -> None:
        """A stop is coming: give up what may be waited for without end."""
        self._batch.stop_waiting()

    def close(self) -> None:
        """End the threads; what waits for one is dropped."""
        for pool in self._pools:
            pool.close()
        self._batch.close()

    def _make_pool(self, name: str, threads: int, max_pending: int | None = None) -> BoundedPool:
        pool = BoundedPool(
            name,
            threads=threads,
            max_pending=max_pending or self._limits.max_concurrency,
            timeout_seconds=self._limits.timeout_seconds,
        )
        self._pools.append(pool)
        return pool
