"""What people see of a replay on a pipe."""

import pytest

from scoreline.cli.replay_report import LINE_SECONDS, REASON_SECONDS, ReplayReport
from scoreline.records import TopicPartition
from scoreline.stream.replay import ReplayOrder, begin_plan
from scoreline.transport.ranges import OffsetRange

PLAN = begin_plan(
    ReplayOrder("features", 1_700_000_000_000, 1_700_000_060_000, "delays", 3, "again"),
    {TopicPartition("features", 0): OffsetRange(100, 300)},
)


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def report(clock):
    with ReplayReport(lambda plan: f"go on with {plan.order.version}", clock=clock) as made:
        yield made


def said(capsys):
    return capsys.readouterr().err.splitlines()


def test_the_beginning_says_what_is_done_what_to_know_and_how_to_go_on(report, capsys):
    report.ranges_found(PLAN, ("features[0]: something odd",))

    assert said(capsys) == [
        "note: features[0]: something odd",
        "features: 200 offsets in 1 partitions; delays version 3 to again",
        "after a stop, go on with: go on with 3",
    ]


def test_a_line_says_now_and_then_how_far_it_is(report, clock, capsys):
    report.ranges_found(PLAN, ())
    capsys.readouterr()
    for done in (10, 50, 51):
        clock.now += LINE_SECONDS / 2
        report.progressed(done)

    assert said(capsys) == ["50 of 200 offsets (25%) after 10 s"]


def test_what_is_waited_for_is_said_at_once_and_not_again_and_again(report, clock, capsys):
    for _ in range(20):
        report.client_error("_TRANSPORT", "the broker is away")
    clock.now += REASON_SECONDS
    report.commit_answered({}, "NOT_COORDINATOR")
    report.commit_answered({}, None)
    report.transaction_ended("committed")

    assert said(capsys) == ["waiting: the broker is away", "waiting: the broker refuses a commit: NOT_COORDINATOR"]


def test_the_sum_of_a_stop_says_how_to_go_on(report, clock):
    report.ranges_found(PLAN, ())
    clock.now += 2.0
    report.progressed(150)

    summary = report.sum_up("stopped", "x")

    assert (summary["id"], summary["state"]) == ("x", "stopped")
    assert (summary["offsets"], summary["offsets_done"], summary["seconds"]) == (200, 150, 2.0)
    assert summary["partitions"] == [{"partition": 0, "begin": 100, "end": 300}]
    assert summary["resume"] == "go on with 3"
    assert report.tell("stopped", "x").startswith(
        "replay x stopped: 150 of 200 offsets done; in this run 0 predictions"
    )
    assert report.tell("stopped", "x").endswith("go on with: go on with 3")


def test_a_stop_before_anything_was_known_is_summed_up_too(report):
    assert report.sum_up("stopped", "x")["remarks"] == []
    assert report.tell("stopped", "x") == "replay x stopped: nothing was begun"


def test_one_that_was_finished_before_says_that_there_was_nothing_to_do(report):
    report.ranges_found(PLAN, ())

    assert "all 200 offsets are done, nothing is left to do" in report.tell("already finished", "x")
