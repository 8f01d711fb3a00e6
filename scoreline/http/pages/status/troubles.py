"""What is wrong, in words, worst first; the page begins with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from scoreline.http.pages.status.picture import StatusPicture
from scoreline.http.pages.status.wording import say_many, say_seconds, say_share
from scoreline.jobs.job import JobStatus

SHARE_OF_DEAD_LETTERS = 0.01
SHARE_OF_FAILURES = 0.01
BEHIND_SECONDS = 60.0
RECENT_JOB_MS = 3_600_000
_NAMED = 3


class Severity(IntEnum):
    """How soon somebody has to do something."""

    STUCK = 0
    UNREADY = 1
    FAILING = 2
    WATCH = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        words: a sentence's beginning, without figures, so that it is read out when something changes and only then.
        detail: the figures.
        section: the section of the page that shows more.
    """

    severity: Severity
    words: str
    detail: str
    section: str


def find_troubles(picture: StatusPicture) -> Sequence[Trouble]:
    """Everything that is wrong, worst first; nothing where all is well."""
    found = [*_of_health(picture), *_of_pace(picture), *_of_models(picture), *_of_lags(picture)]
    found += [*_of_drift(picture), *_of_jobs(picture)]
    return sorted(found, key=lambda trouble: trouble.severity)


def _of_health(picture: StatusPicture) -> Iterator[Trouble]:
    for component in picture.health.components:
        if component.advisory and not component.ready:
            yield Trouble(Severity.FAILING, f"{component.name} has failed", component.detail, "health")
        elif not component.alive:
            yield Trouble(Severity.STUCK, f"{component.name} is stuck", component.detail, "health")
        elif not component.ready:
            yield Trouble(Severity.UNREADY, f"{component.name} is not ready", component.detail, "health")
    if not picture.health.components:
        yield Trouble(Severity.UNREADY, "no component has said anything", "the process is starting", "health")


def _of_pace(picture: StatusPicture) -> Iterator[Trouble]:
    pace = picture.pace or {}
    stream, http, jobs = pace.get("stream"), pace.get("http"), pace.get("jobs")
    if stream is not None:
        records, letters = stream.counts.get("records", 0), stream.counts.get("dead_letters", 0)
        if letters and letters >= records * SHARE_OF_DEAD_LETTERS:
            share = f"{say_share(letters / records)} of the latest records" if records else "of the latest records"
            yield Trouble(Severity.FAILING, "records become dead letters", share, "letters")
        if errors := stream.counts.get("errors", 0):
            detail = f"{say_many(errors, 'batch was', 'batches were')} rolled back lately, to be read again"
            yield Trouble(Severity.FAILING, "batches of the stream are tried again", detail, "pace")
    if http is not None:
        requests, failures = http.counts.get("requests", 0), http.counts.get("failures", 0)
        if failures and failures >= requests * SHARE_OF_FAILURES:
            detail = f"{failures:,} of the latest {say_many(requests, 'request', 'requests')} were answered with a 5xx"
            yield Trouble(Severity.FAILING, "requests fail", detail, "pace")
    if jobs is not None and (errors := jobs.counts.get("errors", 0)):
        yield Trouble(
            Severity.FAILING, "chunks of jobs fail", say_many(errors, "chunk lately", "chunks lately"), "jobs"
        )


def _of_models(picture: StatusPicture) -> Iterator[Trouble]:
    models = picture.models
    if models is None:
        return
    if models["reload"]["detail"]:
        words = f"what the alias {models['live']['alias']} means now does not serve"
        yield Trouble(Severity.FAILING, words, models["reload"]["detail"], "models")
    if models["problem"]:
        yield Trouble(Severity.WATCH, "the model store does not answer", models["problem"], "models")


def _of_lags(picture: StatusPicture) -> Iterator[Trouble]:
    behind = [
        (lag.seconds, lag.records or 0, partition)
        for partition, lag in (picture.lags or {}).items()
        if lag.seconds is not None and lag.seconds >= BEHIND_SECONDS
    ]
    if behind:
        seconds, _, (topic, partition) = max(behind)
        detail = (
            f"{say_many(len(behind), 'partition', 'partitions')}, {sum(n for _, n, _ in behind):,} records; "
            f"the furthest is {topic}-{partition}, by {say_seconds(seconds)}"
        )
        yield Trouble(Severity.FAILING, "the stream is behind", detail, "lag")


def _of_drift(picture: StatusPicture) -> Iterator[Trouble]:
    for version in () if picture.drift is None else picture.drift["versions"]:
        for state, words in (("drift", "have drifted"), ("warning", "may be drifting")):
            names = [axis["name"] for axis in version["features"] if axis["state"] == state]
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                said = f"features or outputs of version {version['version']} {words}"
                yield Trouble(Severity.WATCH, said, ", ".join(names[:_NAMED]) + more, "drift")


def _of_jobs(picture: StatusPicture) -> Iterator[Trouble]:
    latest = () if picture.jobs is None else picture.jobs.latest
    failed = [
        job
        for job in latest
        if job.status is JobStatus.FAILED and picture.at_ms - (job.finished_at_ms or 0) < RECENT_JOB_MS
    ]
    if failed:
        detail = f"{say_many(len(failed), 'job', 'jobs')} within the hour: {failed[0].detail or failed[0].job_id}"
        yield Trouble(Severity.WATCH, "batch jobs have failed", detail, "jobs")
