"""Run any number of schedules; every finding comes with the command that repeats it."""

import argparse
import sys
import time
from collections.abc import Sequence

from scoreline.testing.simulation.schedule import MODES, Mode, run_schedule
from scoreline.transport.memory import GroupProtocol

COMMAND = "python -m scoreline.testing.simulation"
DELIVERIES = ("at-least-once", "exactly-once")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 if anything was found."""
    asked = _parse(arguments)
    modes = [
        mode
        for mode in MODES
        if asked.delivery in (None, mode.delivery) and asked.protocol in (None, mode.protocol.value)
    ]
    findings = requests = 0
    began = time.monotonic()
    for number in range(asked.schedules):
        report = run_schedule(asked.seed + number // len(modes), modes[number % len(modes)])
        requests += report.requests
        if report.finding is not None:
            findings += 1
            if asked.history:
                _say(*report.history)
            _say(
                f"seed {report.seed}, {report.mode}: {report.finding}", f"  again: {describe(report.seed, report.mode)}"
            )
    seconds = time.monotonic() - began
    _say(
        f"{asked.schedules} schedules from seed {asked.seed}, {requests} requests, {seconds:.1f} s: {findings} findings"
    )
    return 1 if findings else 0


def describe(seed: int, mode: Mode) -> str:
    """The command that repeats a schedule, with its history."""
    return (
        f"{COMMAND} --schedules 1 --seed {seed} --delivery {mode.delivery} --protocol {mode.protocol.value} --history"
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--schedules", type=int, default=2000, help="how many, shared among the modes (2000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first; the others follow (0)")
    parser.add_argument("--delivery", choices=DELIVERIES, help="only this one (both)")
    parser.add_argument("--protocol", choices=[p.value for p in GroupProtocol], help="only this one (both)")
    parser.add_argument("--history", action="store_true", help="print every request and fault before a finding")
    return parser.parse_args(arguments)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
