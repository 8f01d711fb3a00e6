"""Builders of what the status page shows: a calm picture, a rich one, and one whose names mean harm."""

from dataclasses import replace

from scoreline.http.pages.status.picture import JobsSeen, StatusPicture
from scoreline.jobs.job import JobSnapshot, JobStatus
from scoreline.observability.events import RequestServed
from scoreline.observability.health import ComponentHealth, HealthReport
from scoreline.observability.latest_letters import LetterSeen
from scoreline.observability.metrics.partitions import Lag
from scoreline.observability.pace import RecentPace
from scoreline.observability.stats import Stats
from scoreline.records import Reason, TopicPartition
from tests.observability.batches import Ticking, make_batch, make_letter, make_records

AT_MS = 1_735_700_000_000
FEATURES = [
    *("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib", "carrier"),
    *("origin", "dest", "distance", "hour", "minute", "month", "day", "dep_delay", "manufacturer", "model", "type"),
    *("engine", "engines", "seats", "year"),
]
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</main><style>*{display:none}</style>",
    "javascript:alert(1)",
    "\u202egnirts\u0000\ud800",
    "&lt;b&gt;",
    "a" * 5000,
)


def make_health(*troubled, detail="no acknowledgement for 31 s"):
    """Components, of which some are not ready; one named with `!` is stuck."""
    names = {name.removesuffix("!"): name.endswith("!") for name in troubled}
    return HealthReport(
        [
            ComponentHealth(
                name,
                None,
                ready=name not in names,
                alive=not names.get(name, False),
                detail=detail if name in names else "all is well",
            )
            for name in dict.fromkeys(("process", "model", "stream", "kafka", "http", *names))
        ]
    )


def make_axis(name, *, state="ok", kind="feature", **changes):
    """A feature or an output; what is not ok has a cause."""
    cause = {"rule": "calibrated", "statistic": "js_distance", "value": 0.31, "threshold": 0.12, "windows": 4}
    labels = ["under 0", *(f"{i} to {i + 1}" for i in range(16)), "over 16", "missing"]
    baseline = [0.0, *((8 - abs(i - 7.5)) / 64 for i in range(16)), 0.0, 0.0]
    window = [0.0, *((8 - abs(i - 7.5)) / 128 for i in range(16)), 0.2, 0.3]
    return {
        "name": name,
        "kind": kind,
        "state": state,
        "score": 0.4 if state == "ok" else 2.6,
        "importance": 0.08,
        "cause": None if state == "ok" else cause,
        "since": "2025-01-01T02:40:00Z",
        "statistics": {"js_distance": 0.31, "psi": 0.4, "ks": 0.2, "mean_shift": 1.2, "missing_ratio": 0.3},
        "histogram": {"labels": labels, "baseline": baseline, "window": baseline if state == "ok" else window},
        **changes,
    }


def make_drift(*axes, state="ok", version=7):
    return {
        "model": "delays",
        "versions": [
            {
                "version": version,
                "state": state,
                "limits": "partly calibrated",
                "calibrated": {"0": True, "1": True, "4": False},
                "detail": "",
                "baseline": {"origin": "published", "rows": 160_000, "time_ordered": True, "learned_at": None},
                "window": {"rows": 4096, "began_at": "2025-01-01T02:50:00Z", "ended_at": "2025-01-01T02:53:10Z"},
                "features": list(axes),
            }
        ],
    }


def make_quality():
    measures = {"labels": 3200, "auc": 0.9123, "log_loss": 0.3, "error": 0.11, "calibration_error": 0.02}
    measures |= dict.fromkeys(("absolute_error", "root_mean_squared_error", "bias"))
    since_start = {**measures, "auc_within": 0.001}
    return {
        **measures,
        "kind": "binary",
        "delay_seconds": 5400.0,
        "latest_known_at_ms": AT_MS,
        "since_start": since_start,
    }


def make_models(detail=None, problem=None, model="delays"):
    state = {"engine": None, "compiling": False, "not_compiled": None}
    difference = {"mean": 0.003, "quantiles": {"0.5": 0.0}, "overflowed": 0}
    shadow = {"version": 7, "shadow": 8, "count": 4096, "agreement": 0.98, "rank_correlation": None}
    return {
        "model": model,
        "live": {"alias": "production", "weights": {"6": 90, "7": 10}, "shadows": [8]},
        "reload": {"outcome": "rejected" if detail else "unchanged", "detail": detail},
        "aliases": {
            "production": {"weights": {"6": 90, "7": 10}, "shadows": [8]},
            "candidate": {"version": 8},
        },
        "problem": problem,
        "versions": [
            {"version": 5, "aliases": [], "loaded": False, **state},
            *(
                {"version": n, "aliases": ["production"], "loaded": True, **state, "engine": "lightgbm"}
                for n in (6, 7, 8)
            ),
        ],
        "shadows": [{**shadow, "difference": difference}],
    }


def make_job(status=JobStatus.SUCCEEDED, *, detail=None, job_id="c45b10e2-dfb5-883b-8c3d-9dd7403a1bfb"):
    ended = AT_MS - 60_000 if status.ended else None
    return JobSnapshot(
        job_id, "s", b"", status, "delays", 7, 50_000, 49_000, 12, 50, 49, AT_MS - 600_000, ended, detail, 0
    )


def make_jobs(*jobs):
    return JobsSeen({status: sum(job.status is status for job in jobs) for status in JobStatus}, jobs)


def make_letters(topic="flights", n=3):
    return [LetterSeen(AT_MS - i * 1000, Reason.INVALID_VALUE, topic, 0, 1200 - i, 7) for i in range(n)]


def make_lags(topic="flights", **behind):
    """Two partitions without a lag; `_2=(records, seconds)` for others."""
    known = {TopicPartition(topic, 0): Lag(0, 0.0), TopicPartition(topic, 1): Lag(12, 0.21)}
    return known | {TopicPartition(topic, int(name[1:])): Lag(*lag) for name, lag in behind.items()}


def make_work(*, records=2000, letters=0, failures=0):
    """Pace and totals after ten seconds of work."""
    clock, stats = Ticking(0.0), Stats()
    pace = RecentPace(stats, ("stream", "http", "jobs"), clock=clock)
    batch = make_records(records)
    dead = [make_letter(record, Reason.INVALID_VALUE) for record in batch[:letters]]
    stats.batch_scored(make_batch(batch, positions={7: range(letters, records)}, dead_letters=dead))
    for i in range(200):
        status = 503 if i < failures else 200
        stats.request_served(RequestServed("/predict", "POST", status, 0.0012, "id", 1, 7))
    stats.chunk_scored(7, rows=1000, failed=3, seconds=0.025)
    clock.now = 10.0
    return pace.read(), stats.snapshot()


def make_picture(**changes):
    """All that there may be, and nothing of it wrong."""
    pace, totals = make_work()
    calm = StatusPicture(
        AT_MS,
        make_health(),
        pace=pace,
        totals=totals,
        lags=make_lags(),
        lanes=make_lags(topic="jobs"),
        models=make_models(),
        drift=make_drift(*map(make_axis, FEATURES), make_axis("output:prediction", kind="output")),
        quality={
            "versions": {"7": make_quality()},
            "remembered": 40_000,
            "joined": 3200,
            "invalid": 2,
            "waiting": 31,
            "unmatched": 12,
            "repeated": 0,
            "empty": 0,
            "unreadable": 0,
        },
        letters=[],
        jobs=make_jobs(make_job(), make_job(JobStatus.RUNNING)),
    )
    return replace(calm, **changes)


def make_rich_picture():
    """An unfortunate night."""
    pace, totals = make_work(letters=90, failures=9)
    states = {"temp": "drift", "dest": "drift", "seats": "warning", "precip": "no_data"}
    axes = [make_axis(name, state=states.get(name, "ok")) for name in FEATURES]
    return make_picture(
        health=make_health("kafka"),
        pace=pace,
        totals=totals,
        lags=make_lags(_2=(81_000, 432.0), _3=(None, None)),
        lanes=make_lags(topic="jobs", _2=(90, 900.0)),
        models=make_models(detail="version 9 was rejected: golden rows differ"),
        drift=make_drift(*axes, make_axis("output:prediction", kind="output", state="warning"), state="drift"),
        letters=make_letters(n=6),
        jobs=make_jobs(make_job(JobStatus.FAILED, detail="chunk 3 cannot be read"), make_job(JobStatus.RUNNING)),
    )


def make_hostile_picture():
    """Every text that comes from outside means harm."""
    script = HOSTILE[0]
    axes = [make_axis(name, state="drift", statistics={name[:80]: 0.5}) for name in HOSTILE]
    for axis, name in zip(axes, HOSTILE, strict=True):
        axis["histogram"] = {"labels": [name, "b"], "baseline": [0.5, 0.5], "window": [0.9, 0.1]}
        axis["cause"]["statistic"] = axis["since"] = name[:80]
    return make_picture(
        health=make_health(*HOSTILE[:4], detail=HOSTILE[1]),
        lags=make_lags(topic=HOSTILE[1], _2=(5, 100.0)),
        lanes=make_lags(topic=HOSTILE[1]),
        models=make_models(detail=script, problem=HOSTILE[3], model=HOSTILE[5]),
        drift=make_drift(*axes, state=script),
        quality={**make_picture().quality, "versions": {script: {**make_quality(), "kind": HOSTILE[1]}}},
        letters=make_letters(topic=HOSTILE[1]),
        jobs=make_jobs(*(make_job(JobStatus.FAILED, detail=name, job_id=name) for name in HOSTILE)),
    )
