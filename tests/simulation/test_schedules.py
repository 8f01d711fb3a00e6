"""The real loop, deliveries and recovery over thousands of seeded schedules of everything that may happen to them."""

import subprocess
import sys
from collections import Counter

import pytest

from scoreline.testing.simulation import MODES, run_schedule
from scoreline.testing.simulation.__main__ import describe, main
from tests.simulation.mutants import AT_LEAST_ONCE

SCHEDULES = 2000
FIRST_SEED = 10_000
"""Beside the seeds that are tried by hand from 0 on."""


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_no_schedule_loses_doubles_or_reorders_a_record(mode):
    """2,000 of them, shared among the modes."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + SCHEDULES // len(MODES)):
        report = run_schedule(seed, mode)
        if report.finding is not None:
            found.append(f"{report.finding}\n  again: {describe(seed, mode)}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_seed_is_a_schedule(mode):
    assert run_schedule(7, mode) == run_schedule(7, mode)


def test_every_fault_strikes_and_members_come_and_go():
    reports = [run_schedule(seed, mode) for seed in range(3) for mode in MODES]
    strikes = Counter(line.split("strikes: ")[1] for r in reports for line in r.history if "strikes: " in line)
    assert len(strikes) >= 15
    assert sum(r.members for r in reports) > 3 * len(reports)
    assert sum(r.records for r in reports) > 15 * len(reports)


@pytest.mark.slow
def test_a_seed_is_the_same_schedule_in_another_process():
    """Whatever order its sets and dictionaries of names have there."""
    digest = (
        "from scoreline.testing.simulation import *; import hashlib;"
        "h = [r.history for s in range(20) for m in MODES for r in [run_schedule(s, m)]];"
        "print(hashlib.sha256(repr(h).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", digest],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_by_hand_it_says_how_much_was_tried(capsys):
    assert main(["--schedules", "8", "--seed", "3", "--protocol", "eager"]) == 0
    assert capsys.readouterr().out.startswith("8 schedules from seed 3, ")


def test_by_hand_a_finding_is_printed_with_the_command_that_repeats_it(capsys, monkeypatch):
    wrong = AT_LEAST_ONCE["CommitsBeforePublishing"]
    monkeypatch.setattr(
        "scoreline.testing.simulation.__main__.run_schedule", lambda seed, mode: run_schedule(seed, mode, wrong)
    )
    arguments = "--schedules 1 --seed 5 --delivery at-least-once --protocol cooperative --history"
    assert main(arguments.split()) == 1
    told = capsys.readouterr().out
    assert f"  again: python -m scoreline.testing.simulation {arguments}\n" in told
    assert "seed 5, at-least-once, cooperative: " in told
    assert "m02 consume" in told
