"""Sections about the flow: components, pace, lag, dead letters and jobs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from scoreline.http.pages.status.markup import Child, Html, element, join, name_of, note, section, table
from scoreline.http.pages.status.picture import StatusPicture
from scoreline.http.pages.status.wording import (
    UNKNOWN,
    say_count,
    say_many,
    say_rate,
    say_seconds,
    say_state,
    say_time,
)
from scoreline.observability.health import ComponentHealth
from scoreline.observability.metrics.partitions import Lag
from scoreline.observability.pace import SPAN_SECONDS, Pace
from scoreline.observability.snapshot import Snapshot
from scoreline.records import TopicPartition

WITHHELD: Final = (
    "Kept back: this process can be reached from other machines and asks nobody for a token. "
    "Set SCORELINE_HTTP_TOKENS, or SCORELINE_HTTP_AUTH=none where something else keeps callers out."
)
_COUNTED = {"stream": "records", "http": "requests", "jobs": "rows"}
_MOST_PARTITIONS = 64
_JOB_CHARACTERS = 8


def explain_absence(picture: StatusPicture, otherwise: str) -> Html:
    """Why a section has nothing: kept back, or what it would take."""
    return note(WITHHELD if picture.withheld else otherwise)


def show_health(picture: StatusPicture) -> Html:
    """Every component with its state, those that are not well first."""
    components = sorted(picture.health.components, key=lambda each: (each.alive, each.ready))
    rows = [(name_of(c.name), say_state(_name_state(c)), name_of(c.detail)) for c in components]
    shown = table("Components of this process", ("component", "state", "says"), rows, key="health")
    return section("health", "Health", shown)


def _name_state(component: ComponentHealth) -> str:
    if component.advisory and not component.ready:
        return "failed"
    if not component.alive:
        return "stuck"
    return "ready" if component.ready else "not ready"


def show_pace(picture: StatusPicture) -> Html:
    """Throughput and latency of each role, lately and since the start; stages since the start."""
    pace, totals = picture.pace, picture.totals
    if not pace:
        return section("pace", "Throughput and latency", note("This process has no role that scores."))
    heads = ("role", "lately", "failed", "p50", "p95", "p99", "since the start")
    rows = [_show_role(role, each, totals) for role, each in pace.items()]
    caption = f"Over the latest {_say_span(pace.values())}: a record end to end, a request, the work on a chunk"
    shown = table(caption, heads, rows, key="pace")
    return section("pace", "Throughput and latency", shown, None if totals is None else _show_stages(totals))


def _say_span(paces: Iterable[Pace]) -> str:
    """In tens of seconds, which do not change from one look to the next."""
    seconds = max(each.seconds for each in paces)
    return say_seconds(round(seconds, -1) if seconds >= SPAN_SECONDS else round(seconds))


def _show_role(role: str, pace: Pace, totals: Snapshot | None) -> Sequence[Child]:
    what, latency = _COUNTED[role], pace.latency
    failed = "dead_letters" if role == "stream" else "errors"
    return (
        role,
        say_rate(pace.per_second(what), what),
        say_rate(pace.per_second(failed), failed.replace("_", " ")),
        say_seconds(latency["p50_seconds"]),
        say_seconds(latency["p95_seconds"]),
        say_seconds(latency["p99_seconds"]),
        UNKNOWN if totals is None else f"{say_count(_count(role, totals))} predictions",
    )


def _count(role: str, totals: Snapshot) -> int:
    by_role = {"stream": totals["stream"], "http": totals["http"], "jobs": totals["jobs"]}
    return by_role[role]["predictions"]["total"]


def _show_stages(totals: Snapshot) -> Html | None:
    stages = totals["stream"]["stages"]
    if not stages:
        return None
    rows = [
        (name, say_count(each["count"]), say_seconds(each["p50_seconds"]), say_seconds(each["p99_seconds"]))
        for name, each in stages.items()
    ]
    shown = table("Time a batch since the start", ("stage", "batches", "p50", "p99"), rows, key="stages")
    return element("details", element("summary", "Stages of the stream"), shown, data_key="stages-details")


def show_lag(picture: StatusPicture) -> Html:
    """How far every assigned partition is behind, of the stream and then of batch jobs, the furthest first."""
    if picture.lags is None and picture.lanes is None:
        shown = explain_absence(picture, "This process has neither the role stream nor the role jobs.")
        return section("lag", "Lag", shown)
    if not picture.lags and not picture.lanes:
        return section("lag", "Lag", note("No partition is assigned to this process."))
    return section(
        "lag",
        "Lag",
        *_show_partitions("stream", ("partition", "records behind", "oldest waits"), picture.lags or {}),
        *_show_partitions("batch jobs", ("partition", "chunks that wait", "oldest waits"), picture.lanes or {}),
    )


def _show_partitions(what: str, heads: Sequence[str], lags: Mapping[TopicPartition, Lag]) -> Iterable[Html]:
    if not lags:
        return ()
    furthest = sorted(lags.items(), key=lambda each: (-(each[1].seconds or 0), -(each[1].records or 0), each[0]))
    rows = [
        (join(name_of(topic), f"-{number}"), say_count(lag.records), say_seconds(lag.seconds))
        for (topic, number), lag in furthest[:_MOST_PARTITIONS]
    ]
    more = len(furthest) - len(rows)
    caption = f"{what.capitalize()}: {say_many(len(furthest), 'partition', 'partitions')}, the furthest behind first"
    shown = table(caption, heads, rows, key=f"lag-{what.partition(' ')[0]}")
    return (shown, note(f"and {more:,} that are less behind")) if more else (shown,)


def show_letters(picture: StatusPicture) -> Html:
    """Reasons since the start, and where the latest dead letters lie."""
    if picture.letters is None:
        shown = explain_absence(picture, "This process has no role stream.")
        return section("letters", "Dead letters", shown)
    reasons = {} if picture.totals is None else picture.totals["stream"]["dead_letters"]
    if not picture.letters and not reasons:
        return section("letters", "Dead letters", note("None since the start."))
    by_reason = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    rows = [
        (
            say_time(letter.at_ms),
            letter.reason.value,
            join(name_of(letter.topic), f"-{letter.partition} offset {letter.offset}"),
            UNKNOWN if letter.version is None else letter.version,
        )
        for letter in picture.letters
    ]
    caption = "The latest, in UTC; scoreline dead-letters show has the details"
    return section(
        "letters",
        "Dead letters",
        element("p", f"Since the start: {by_reason}.") if by_reason else None,
        table(caption, ("at", "reason", "record", "version"), rows, key="letters"),
    )


def show_jobs(picture: StatusPicture) -> Html:
    """How many jobs there are in each status, and those that were submitted last."""
    jobs = picture.jobs
    if jobs is None:
        needed = "Batch jobs need the role http or jobs, and SCORELINE_KAFKA_BOOTSTRAP_SERVERS."
        return section("jobs", "Batch jobs", explain_absence(picture, needed))
    counts = ", ".join(f"{count:,} {status}" for status, count in jobs.counts.items() if count)
    if not counts:
        return section("jobs", "Batch jobs", note("There are none."))
    rows = [
        (
            element("code", job.job_id[:_JOB_CHARACTERS], title=job.job_id),
            say_state(job.status.value),
            f"{say_count(job.rows_done)} of {say_count(job.rows)}",
            say_count(job.rows_failed),
            job.version,
            say_time(job.submitted_at_ms),
            UNKNOWN if job.detail is None else name_of(job.detail),
        )
        for job in jobs.latest
    ]
    heads = ("job", "status", "rows done", "without a prediction", "version", "submitted", "why")
    return section(
        "jobs", "Batch jobs", element("p", f"{counts}."), table("The latest, in UTC", heads, rows, key="jobs")
    )
