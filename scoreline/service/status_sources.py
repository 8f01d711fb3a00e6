"""What the status page of this process shows, by its roles and by who can ask for it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from scoreline.config.roles import Role
from scoreline.http.models import ModelListing
from scoreline.http.pages.status.picture import StatusSources, see_jobs
from scoreline.jobs.view import JobView
from scoreline.observability.drift.report import DriftReport
from scoreline.observability.labels.report import QualityReport
from scoreline.service.parts import Parts


def find_status_sources(
    parts: Parts,
    roles: frozenset[Role],
    listing: ModelListing,
    *,
    guarded: bool,
    jobs_view: JobView | None = None,
    read_drift: Callable[[], DriftReport] | None = None,
    read_quality: Callable[[], QualityReport | None] | None = None,
) -> StatusSources:
    """The sources of the page.

    Args:
        guarded: whether only those can ask who may; else there is no more than `/health` and `/metrics` tell anybody.
        jobs_view, read_drift, read_quality: None where this process does not follow them.
    """
    told = StatusSources(
        read_pace=parts.pace.read,
        read_totals=parts.stats.snapshot,
        read_lags=parts.metrics.read_lags if Role.STREAM in roles else None,
        read_lanes=parts.metrics.jobs.read_lags if Role.JOBS in roles else None,
    )
    if not guarded:
        return replace(told, withheld=True)
    return replace(
        told,
        list_models=listing.list_versions,
        read_drift=read_drift,
        read_quality=read_quality,
        read_letters=parts.latest_letters.read if Role.STREAM in roles else None,
        read_jobs=None if jobs_view is None else partial(see_jobs, jobs_view),
    )
