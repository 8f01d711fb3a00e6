"""The short form of `make torture`: every delivery under every group protocol, stops, and a network that fails."""

import pytest

from tests.torture.chapter import Chapter
from tests.torture.ground import Ground
from tests.torture.outcome import describe, find_violations
from tests.torture.schedule import Dose, draw_schedule
from tests.torture.setting import DELIVERIES, PROTOCOLS, Setting

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

SEED = 20131031
PER_SECOND = 2000
PACE = 0.5
FREEZE_SECONDS = (5.0,)


@pytest.fixture
def torture(tiny, tmp_path, tell):
    """`torture(ground, dose, delivery, protocol)` does all that and fails where a promise was broken."""

    def run(ground, dose, delivery, protocol="classic", *, per_second=PER_SECOND, pace=PACE):
        setting = Setting(delivery=delivery, protocol=protocol, per_second=per_second)
        events = draw_schedule(
            dose,
            SEED,
            members=setting.members,
            brokers=len(ground.nodes),
            pace=pace,
            freeze_seconds=FREEZE_SECONDS,
        )
        outcome = Chapter(ground, tiny, setting, tmp_path).run(events)
        for line in describe(outcome):
            tell(line)
        violations = find_violations(outcome, delivery)
        assert not violations, "\n".join([*violations, *describe(outcome)])
        assert outcome.records > per_second
        return outcome

    return run


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_kills_a_visit_and_a_freeze_break_no_promise(torture, proxied_kafka, delivery, protocol):
    """Nothing is lost, all is in order, and under exactly-once nothing is doubled."""
    torture(Ground((proxied_kafka.broker,)), Dose(kills=2, visits=1, freezes=1), delivery, protocol)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_broker_that_is_killed_stops_at_random_moments_and_a_failing_network_break_no_promise(
    torture, proxied_kafka, delivery
):
    """Black hole, reset and latency leave no trace; every SIGTERM ends with 0 in time, and the next start goes on."""
    ground = Ground((proxied_kafka.broker,), proxied_kafka.proxy)
    outcome = torture(ground, Dose(stops=10, faults=1, broker_kills=1), delivery)
    assert outcome.slowest_stop_seconds < 25
    assert len(outcome.stop_codes) == 12


@pytest.mark.parametrize("delivery", DELIVERIES[-1:])
def test_any_one_of_three_brokers_may_be_killed_and_leaders_may_move(torture, kafka_cluster, delivery):
    """Each in turn, and twice the leaders move back to it; 800/s are what two cores can replicate three times."""
    outcome = torture(Ground(kafka_cluster.nodes), Dose(broker_kills=3, elections=2), delivery, per_second=800)
    assert outcome.events == {"broker kill -9": 3, "leaders move": 2}
