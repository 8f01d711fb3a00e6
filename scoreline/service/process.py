"""The process: roles start together, and when one ends, or a signal asks for it, all of them do."""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable
from functools import partial

import uvloop

from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.observability.logs import configure_logging
from scoreline.service.following import wait_for_next_look
from scoreline.service.jobs_role import JobsRole
from scoreline.service.parts import Parts
from scoreline.service.role_thread import KafkaRole, RoleThread, conclude
from scoreline.service.shared_jobs import SharedJobs
from scoreline.service.sidecar import start_sidecar
from scoreline.service.stopping import EarlyStop, Stop
from scoreline.service.stream_role import StreamRole
from scoreline.service.traces import MOST_FLUSH_SECONDS

logger = logging.getLogger("scoreline.service")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
SUMMARY_SECONDS = 10.0
PROBE_INTERVAL_SECONDS = 3.0

LOCK_SECONDS = 0.0005
"""How long a thread that computes in Python keeps the interpreter from another that wants it. Beside one that does only
that, a prediction takes 0.8 ms (median, two cores) instead of 5.5 with Python's own 5 ms. A backlog, mostly LightGBM's
work, drains about as fast with either: `benchmarks/http_beside_stream.py` measures that, and predictions beside it."""


def run_service(settings: Settings, roles: frozenset[Role]) -> int:
    """Run the roles in this process until SIGTERM, SIGINT or the end of one of them.

    Returns:
        0 after a stop that was asked for and met its deadline, else 1.

    Raises:
        ServiceError: whatever ended a role; its class decides the exit code.
    """
    configure_logging(settings.log_level, settings.log_format, sys.stdout)
    if settings.service_links_line is not None:
        logger.info(settings.service_links_line, extra={"event": "service_links_ignored"})
    sys.setswitchinterval(LOCK_SECONDS)
    # Nothing is in hand while the model is fetched and probed: a stop ends that at once.
    early = EarlyStop()
    for number in STOP_SIGNALS:
        signal.signal(number, early)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # asks for a look at the alias: the first one is still to come
    return uvloop.run(_run(Parts(settings, roles), roles, early))


async def _run(parts: Parts, roles: frozenset[Role], early: EarlyStop) -> int:
    stop = Stop(parts.settings.shutdown_seconds, time.monotonic)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, _ask, number, asked)
    if early.requested:
        asked.set()
    jobs = _open_jobs(parts, roles)
    serving = None if jobs is None or Role.HTTP not in roles else jobs.serve()
    server = await start_sidecar(parts, roles, serving, None if jobs is None else jobs.view)
    if jobs is not None:
        jobs.start()
    parts.drift.start()
    live = parts.versions.live
    logger.info(
        "scoreline serves on %s",
        server.url,
        extra={"event": "service_started", "url": server.url, "roles": sorted(roles), "versions": live.numbers},
    )
    threads = _make_threads(parts, roles, stop, jobs, partial(RoleThread, loop=loop, asked=asked))
    for thread in threads:
        thread.start()
    wake = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, wake.set)
    tasks = [
        asyncio.create_task(_summarise(parts)),
        asyncio.create_task(_follow(parts, wake)),
        *(asyncio.create_task(_probe(t.role)) for t in threads),
    ]
    await asked.wait()
    parts.stopping()
    stop.request()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*(thread.join(stop) for thread in threads))
    await server.stop(max(0.1, stop.left_seconds()))
    if jobs is not None:
        await asyncio.to_thread(jobs.close, max(0.1, min(1.0, stop.left_seconds())))
    await asyncio.to_thread(parts.drift.close, max(0.1, min(1.0, stop.left_seconds())))
    parts.shadows.close(0.0)
    if parts.traces is not None:
        await asyncio.to_thread(parts.traces.close, max(0.1, min(MOST_FLUSH_SECONDS, stop.left_seconds())))
    if parts.upgrades is not None:
        parts.upgrades.stop(within_seconds=max(0.1, stop.left_seconds()))
    return conclude(threads, parts.settings.shutdown_seconds)


def _open_jobs(parts: Parts, roles: frozenset[Role]) -> SharedJobs | None:
    """Batch jobs, where a role is about them and there is a Kafka for them."""
    wanted = roles & {Role.HTTP, Role.JOBS}
    return SharedJobs(parts) if wanted and parts.settings.kafka_bootstrap_servers is not None else None


def _make_threads(
    parts: Parts,
    roles: frozenset[Role],
    stop: Stop,
    jobs: SharedJobs | None,
    make: Callable[[KafkaRole, str], RoleThread],
) -> list[RoleThread]:
    """One for each role that works on Kafka."""
    threads = [make(StreamRole(parts, stop), "stream")] if Role.STREAM in roles else []
    if Role.JOBS in roles and jobs is not None:
        threads.append(make(JobsRole(parts, stop, jobs), "jobs"))
    return threads


def _ask(number: int, asked: asyncio.Event) -> None:
    name = signal.Signals(number).name
    logger.info("%s: finishing what is in hand", name, extra={"event": "stop_requested", "signal": name})
    asked.set()


async def _summarise(parts: Parts) -> None:
    while True:
        await asyncio.sleep(SUMMARY_SECONDS)
        try:
            parts.summary.tick()
            parts.pace.tick()
            parts.client_log.tick()
        except Exception:
            logger.exception("the summary failed", extra={"event": "summary_failed"})


async def _follow(parts: Parts, wake: asyncio.Event) -> None:
    """Look at the alias at the start, now and then, and when SIGHUP asks for it."""
    while True:
        look = parts.follower.look_anew() if wake.is_set() else parts.follower.look()
        wake.clear()
        await asyncio.shield(asyncio.wrap_future(look))
        seconds = parts.settings.model_reload_seconds
        await wait_for_next_look(wake, seconds, is_away=lambda: parts.store.outage is not None)


async def _probe(role: KafkaRole) -> None:
    while True:
        await asyncio.sleep(PROBE_INTERVAL_SECONDS)
        try:
            # On a thread that nobody waits for: a broker that is away answers later than a stop may take.
            await asyncio.shield(asyncio.wrap_future(call_in_thread(role.look_at_kafka)))
        except Exception:
            logger.exception("asking Kafka failed", extra={"event": "probe_failed"})
