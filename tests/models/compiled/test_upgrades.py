"""Upgrades in the background, with compilations that a test holds in its hands."""

import logging
import queue
import threading
from dataclasses import dataclass, field

import pytest

from scoreline.errors import Unavailable
from scoreline.features import Feature
from scoreline.models.compiled.model import CompiledModel
from scoreline.models.compiled.outcomes import Compilation, EngineState, UpgradeOutcome
from scoreline.models.compiled.upgrades import EngineUpgrades
from scoreline.models.model import ModelVersion
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import train
from tests.models.compiled.native_models import load_plain

SECONDS = 10


class NoCode:
    """Stands for loaded code that is never called."""

    def call(self, *_):
        raise AssertionError("called")


def make_version(number, plain=None):
    return ModelVersion("flights", number, f"{number:064x}", plain or load_plain(train("binary")))


def compiled(version, **facts):
    return Compilation(CompiledModel(NoCode(), version.model), **facts)


@dataclass
class Bench:
    """An `EngineUpgrades` whose compilations wait for the test."""

    begun: queue.Queue = field(default_factory=queue.Queue)
    answers: queue.Queue = field(default_factory=queue.Queue)
    improved: queue.Queue = field(default_factory=queue.Queue)
    told: queue.Queue = field(default_factory=queue.Queue)
    now: float = 0.0

    def __post_init__(self):
        self.upgrades = EngineUpgrades(
            self.compile, self.improved.put, listeners=[self], clock=lambda: self.now, retry_seconds=100
        )

    def compile(self, version, cancellation):
        self.begun.put((version, cancellation))
        answer = self.answers.get(timeout=SECONDS)
        if isinstance(answer, Exception):
            raise answer
        return answer(version)

    def upgraded(self, upgrade):
        self.told.put(upgrade)

    def begins(self):
        return self.begun.get(timeout=SECONDS)

    def next_told(self):
        return self.told.get(timeout=SECONDS)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.answers.put(Unavailable("the test is over"))
    bench.upgrades.stop()


def test_a_version_is_handed_back_compiled_and_listeners_are_told(bench):
    version = make_version(3)
    bench.upgrades.want([version])
    bench.begins()
    assert bench.upgrades.describe(3) == EngineState("lightgbm", compiling=True)
    bench.answers.put(compiled)
    improved = bench.improved.get(timeout=SECONDS)
    assert (improved.name, improved.version, improved.sha256) == ("flights", 3, version.sha256)
    assert improved.model.plain is version.model
    upgrade = bench.next_told()
    assert (upgrade.version, upgrade.outcome, upgrade.detail) == (improved, UpgradeOutcome.COMPILED, "")
    bench.upgrades.want([improved])
    assert bench.upgrades.describe(3) == EngineState("compiled")


def test_the_first_of_the_wanted_is_compiled_first_and_one_at_a_time(bench):
    bench.upgrades.want([make_version(7), make_version(5)])
    assert bench.begins()[0].version == 7
    assert bench.upgrades.describe(5) == EngineState("lightgbm")
    assert bench.begun.empty()
    bench.answers.put(compiled)
    assert bench.begins()[0].version == 5


def test_a_refusal_is_kept_with_its_reason_and_not_tried_again(bench):
    version = make_version(1)
    bench.upgrades.want([version])
    bench.begins()
    bench.answers.put(lambda _: Compilation(None, refused="linear trees"))
    upgrade = bench.next_told()
    assert (upgrade.outcome, upgrade.detail, upgrade.version) == (UpgradeOutcome.REFUSED, "linear trees", version)
    bench.now = 1e9
    bench.upgrades.want([version])
    assert bench.upgrades.describe(1) == EngineState("lightgbm", refused="linear trees")
    bench.upgrades.want([version, make_version(2)])
    assert bench.begins()[0].version == 2
    assert bench.improved.empty()


def test_what_failed_for_another_reason_is_tried_again_later(bench):
    version = make_version(1)
    bench.upgrades.want([version])
    bench.begins()
    bench.answers.put(Unavailable("out of memory?"))
    assert bench.next_told().outcome is UpgradeOutcome.FAILED
    assert bench.upgrades.describe(1) == EngineState("lightgbm", refused="out of memory?")
    bench.now = 100.0
    bench.upgrades.want([version])
    bench.begins()
    bench.answers.put(lambda v: compiled(v, cached=True, unkept="disk full"))
    upgrade = bench.next_told()
    assert (upgrade.outcome, upgrade.unkept) == (UpgradeOutcome.CACHED, "disk full")
    assert bench.upgrades.describe(1) == EngineState("compiled")


def test_a_fault_in_the_compiler_or_in_who_takes_the_version_ends_nothing(bench, caplog):
    bench.upgrades.want([make_version(1), make_version(2)])
    bench.begins()
    bench.answers.put(ZeroDivisionError("a fault"))
    upgrade = bench.next_told()
    assert (upgrade.outcome, upgrade.detail) == (UpgradeOutcome.FAILED, "ZeroDivisionError: a fault")
    assert [r.event for r in caplog.records if r.levelno == logging.ERROR] == ["compilation_crashed"]
    assert bench.begins()[0].version == 2


def test_a_version_that_is_wanted_no_more_is_called_off_and_nobody_is_told(bench):
    bench.upgrades.want([make_version(1)])
    cancellation = bench.begins()[1]
    bench.upgrades.want([make_version(2)])
    assert cancellation.cancelled
    bench.answers.put(compiled)
    assert bench.begins()[0].version == 2
    bench.answers.put(compiled)
    assert bench.next_told().version.version == 2
    assert bench.improved.get(timeout=SECONDS).version == 2
    assert bench.improved.empty()


def test_a_version_that_was_loaded_anew_is_improved_anew(bench):
    bench.upgrades.want([make_version(1)])
    bench.begins()
    bench.answers.put(compiled)
    bench.next_told()
    again = make_version(1)
    bench.upgrades.want([again])
    assert bench.begins()[0] is again


def test_wanting_the_same_again_begins_nothing_new(bench):
    version = make_version(1)
    bench.upgrades.want([version])
    _, cancellation = bench.begins()
    bench.upgrades.want([version])
    assert not cancellation.cancelled
    bench.answers.put(compiled)
    bench.next_told()
    assert bench.begun.empty()


def test_models_that_lightgbm_does_not_serve_are_left_alone(bench):
    other = make_version(4, WeightedSum([Feature("x")], [1.0]))
    bench.upgrades.want([other, make_version(5)])
    assert bench.begins()[0].version == 5
    assert bench.upgrades.describe(4).refused is None


def test_a_stop_calls_off_what_goes_on_and_leaves_no_thread(bench):
    bench.upgrades.want([make_version(1)])
    cancellation = bench.begins()[1]
    stopper = threading.Thread(target=bench.upgrades.stop)
    stopper.start()
    bench.answers.put(Unavailable("called off"))
    stopper.join(SECONDS)
    assert not stopper.is_alive()
    assert cancellation.cancelled
    assert "compiling" not in [thread.name for thread in threading.enumerate()]
    bench.upgrades.want([make_version(2)])
    assert bench.begun.empty()
    assert bench.told.empty()


def test_a_stop_before_anything_was_wanted_is_no_work():
    EngineUpgrades(lambda *_: None, lambda _: None).stop()
