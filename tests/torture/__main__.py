"""The full form: hours of trouble in minutes, on a Kafka of its own; see `make torture`.

python -m tests.torture --delivery exactly-once --protocol classic [--form members] [--seed N]

Prints what came of each chapter, and of all together; exits 1 where a promise was broken. A run that is interrupted, or
whose time is up, goes on with the chapters that are left when it is started again, under the same seed.
"""

import argparse
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from scoreline.local.broker import KafkaBroker
from scoreline.local.cluster import KafkaCluster
from scoreline.local.properties import FAST_TIMEOUTS
from scoreline.testing.kafkas import proxied_broker
from tests.torture.chapter import Chapter
from tests.torture.ground import Ground
from tests.torture.jobs import Jobs
from tests.torture.outcome import EXACTLY_ONCE, add_up, describe, find_violations
from tests.torture.progress import FORMS, Progress, choose_form
from tests.torture.reloads import VERSIONS, Reloads
from tests.torture.schedule import draw_schedule
from tests.torture.setting import DELIVERIES, PROTOCOLS, Setting
from tests.torture.tiny import make_tiny
from tests.torture.versions import make_versions

MINUTES = 25.0
RELOADS = 200
RELOADS_PER_SECOND = 2000
JOBS, ROWS_EACH, JOB_KILLS = 10, 400_000, 20
UNFINISHED_EXIT = 2


def read_arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="What make torture runs.")
    parser.add_argument("--delivery", choices=DELIVERIES, default=DELIVERIES[0])
    parser.add_argument("--protocol", choices=PROTOCOLS, default="classic")
    parser.add_argument("--form", choices=["members", "reloads", "jobs", *FORMS], default="members")
    parser.add_argument("--seed", type=int, help="of the events [default: of the run under way, else a new one]")
    parser.add_argument("--folder", type=Path, default=Path(".torture"), help="for progress and logs [.torture]")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="no chapter begins after so long [25]")
    return parser.parse_args()


def open_ground(form, stack):
    """Brokers that end with the stack."""
    if form.brokers > 1:
        return Ground(stack.enter_context(KafkaCluster(form.brokers, properties=FAST_TIMEOUTS)).nodes)
    proxied = stack.enter_context(proxied_broker())
    return Ground((proxied.broker,), proxied.proxy if form.behind_proxy else None)


def run_chapters(progress, form, minutes):
    """Run the chapters that are left, until the time is up."""
    plan = progress.plan
    setting = Setting(delivery=plan.delivery, protocol=plan.protocol, per_second=form.per_second)
    doses = form.dose.split(form.chapters)
    deadline = time.monotonic() + 60 * minutes
    with ExitStack() as stack:
        ground = open_ground(form, stack)
        tiny = make_tiny(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scoreline-torture-"))))
        longest = 0.0
        for number in progress.left:
            began = time.monotonic()
            if began + longest > deadline:
                return
            events = draw_schedule(
                doses[number], f"{plan.seed}-{number}", members=setting.members, brokers=form.brokers
            )
            outcome = Chapter(ground, tiny, setting, progress.chapter_folder(number)).run(events)
            progress.keep(number, outcome)
            longest = max(longest, time.monotonic() - began)
            tell(f"chapter {number + 1} of {form.chapters}, {time.monotonic() - began:.0f} s", outcome, plan.delivery)


def tell(title, outcome, delivery):
    """Print what came of it; returns what broke a promise."""
    violations = find_violations(outcome, delivery)
    print(f"\n{title}", *describe(outcome), *(f"VIOLATION: {each}" for each in violations), sep="\n", flush=True)
    return violations


def run_reloads(delivery, protocol):
    """The one form without chapters: the alias moves 200 times under load; the exit code."""
    setting = Setting(delivery=delivery, protocol=protocol, per_second=RELOADS_PER_SECOND)
    with ExitStack() as stack:
        broker = stack.enter_context(KafkaBroker(properties=FAST_TIMEOUTS))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scoreline-torture-")))
        versions = make_versions(folder / "tiny", VERSIONS)
        came = Reloads(broker.bootstrap_servers, versions, setting, folder).run(RELOADS)
    print(*came.describe(), sep="\n")
    return 1 if came.trouble else 0


def run_jobs(seed):
    """Batch jobs while worker, sidecar and broker are killed 20 times; the exit code."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    print(f"to see the same again: --seed {seed}")
    with ExitStack() as stack:
        broker = stack.enter_context(KafkaBroker(properties=FAST_TIMEOUTS))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scoreline-torture-")))
        versions = make_versions(folder / "tiny", VERSIONS)
        came = Jobs(Ground((broker,)), versions, folder).run(JOBS, ROWS_EACH, JOB_KILLS, seed)
    print(*came.describe(), sep="\n")
    return 1 if came.trouble else 0


def main():
    """Run what is left, and judge the whole."""
    asked = read_arguments()
    if asked.form == "reloads":
        return run_reloads(asked.delivery, asked.protocol)
    if asked.form == "jobs":
        return run_jobs(asked.seed)
    form = choose_form(asked.form, asked.delivery, asked.protocol)
    progress = Progress(
        asked.folder / f"{asked.form}-{asked.delivery}-{asked.protocol}",
        form=asked.form,
        delivery=asked.delivery,
        protocol=asked.protocol,
        seed=asked.seed,
        new_seed=secrets.randbelow(10**6),
    )
    print(f"{progress.plan}\nto see the same again: --seed {progress.plan.seed}; progress and logs: {progress.folder}")
    run_chapters(progress, form, asked.minutes)
    done = progress.outcomes
    total = add_up(list(done.values()))
    violations = tell(f"{len(done)} of {form.chapters} chapters", total, asked.delivery)
    if violations:
        return 1
    if progress.left:
        print(f"the time is up; {len(progress.left)} chapters are left: run it again to go on")
        return UNFINISHED_EXIT
    if asked.delivery == EXACTLY_ONCE and form.dose.kills and not total.aborted:
        print("nothing was rolled back: no kill has hit an open transaction, so little is proved")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
