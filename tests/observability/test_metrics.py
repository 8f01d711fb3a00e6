"""What a scraper sees after something happened."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from scoreline.errors import DeliveryError
from scoreline.models.compiled.outcomes import Upgrade, UpgradeOutcome
from scoreline.models.live_route import LiveRoute
from scoreline.observability.events import BatchObserver, RequestObserver
from scoreline.observability.health import ComponentHealth, HealthBoard
from scoreline.observability.metrics import Metrics
from scoreline.observability.metrics.exposition import prefers_openmetrics
from scoreline.observability.metrics.models import MAX_VERSIONS
from scoreline.observability.metrics.observer import MAX_ERROR_NAMES
from scoreline.observability.metrics.requests import MAX_ROUTES
from scoreline.records import Reason, TopicPartition
from scoreline.transport.ports import ClientObserver, RebalanceListener
from tests.observability.batches import make_batch, make_letter, make_records, make_request, make_version

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(metrics: Metrics) -> Series:
    """All samples by name and labels."""
    families = parse_text(metrics.render("text/plain")[0].decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return read(metrics).get((f"scoreline_{name}", frozenset(labels.items())))


def test_one_object_observes_batches_requests_rebalances_and_the_client():
    metrics = Metrics()
    batches: BatchObserver = metrics
    requests: RequestObserver = metrics
    rebalances: RebalanceListener = metrics
    client: ClientObserver = metrics
    assert batches is requests is rebalances is client


def test_a_batch_is_counted_by_outcome_reason_version_and_stage():
    metrics = Metrics()
    records = make_records(10, age_ms=40)
    letters = [make_letter(records[8]), make_letter(records[9], Reason.MISSING_FEATURE)]
    metrics.batch_scored(make_batch(records, positions={3: range(6), 4: range(6, 8)}, dead_letters=letters))
    assert value(metrics, "records_total", topic="features", outcome="predicted") == 8
    assert value(metrics, "records_total", topic="features", outcome="dead_letter") == 2
    assert value(metrics, "dead_letters_total", reason="missing_feature") == 1
    assert value(metrics, "predictions_total", path="stream", version="3") == 6
    assert value(metrics, "predictions_total", path="stream", version="4") == 2
    assert value(metrics, "batch_records_count") == 1
    assert value(metrics, "batch_records_sum") == 10
    assert value(metrics, "stage_seconds_sum", stage="publish") == pytest.approx(0.008)
    assert value(metrics, "end_to_end_seconds_count") == 8
    assert value(metrics, "end_to_end_seconds_sum") == pytest.approx(0.32)
    assert value(metrics, "end_to_end_seconds_bucket", le="0.025") == 0
    assert value(metrics, "end_to_end_seconds_bucket", le="0.05") == 8


def test_an_unknown_stage_does_not_make_a_label_of_its_own():
    metrics = Metrics()
    metrics.batch_scored(make_batch(make_records(1), stage_seconds={"dance": 1.0, "waltz": 2.0}))
    assert value(metrics, "stage_seconds_sum", stage="other") == pytest.approx(3.0)


def test_a_request_is_counted_by_route_and_status_and_its_instances_as_predictions():
    metrics = Metrics()
    for status in (200, 200, 422):
        metrics.request_served(make_request(status=status, instances=5, seconds=0.25))
    assert value(metrics, "http_requests_total", route="/predict", status="200") == 2
    assert value(metrics, "http_requests_total", route="/predict", status="422") == 1
    assert value(metrics, "http_request_seconds_count", route="/predict") == 3
    assert value(metrics, "predictions_total", path="http", version="3") == 10


def test_the_number_of_requests_in_flight_is_asked_at_every_scrape():
    metrics, running = Metrics(), [1, 2, 3]
    metrics.watch_in_flight(lambda: len(running))
    assert value(metrics, "http_in_flight") == 3
    running.clear()
    assert value(metrics, "http_in_flight") == 0


def test_the_lag_of_a_partition_goes_with_it():
    metrics = Metrics()
    first, second = TopicPartition("features", 0), TopicPartition("features", 1)
    metrics.assigned([first, second])
    for partition in (0, 1):
        metrics.set_lag(TopicPartition("features", partition), 100 + partition, 1.5)
    metrics.revoked([first])
    assert value(metrics, "consumer_lag_records", topic="features", partition="0") is None
    assert value(metrics, "consumer_lag_records", topic="features", partition="1") == 101
    assert value(metrics, "assigned_partitions") == 1
    metrics.lost([second])
    assert not [name for name, _ in read(metrics) if name == "scoreline_consumer_lag_records"]


def test_a_late_lag_of_a_partition_that_has_gone_is_not_shown():
    """A lag worked out just before a revocation must not come back as a series that nobody removes."""
    metrics = Metrics()
    metrics.assigned([TopicPartition("features", 0)])
    metrics.revoked([TopicPartition("features", 0)])
    metrics.set_lag(TopicPartition("features", 0), 5, None)
    assert value(metrics, "consumer_lag_records", topic="features", partition="0") is None


def test_ten_rebalances_leave_no_stale_series():
    metrics = Metrics()
    for i in range(10):
        mine = [TopicPartition("features", i), TopicPartition("features", i + 1)]
        metrics.assigned(mine)
        for topic, partition in mine:
            metrics.set_lag(TopicPartition(topic, partition), 1, 2.0)
        (metrics.revoked if i % 2 else metrics.lost)(mine)
    assert not [name for name, _ in read(metrics) if name == "scoreline_consumer_lag_records"]
    assert value(metrics, "assigned_partitions") == 0


def test_a_revocation_and_the_assignment_after_it_are_one_rebalance():
    metrics, mine = Metrics(), [TopicPartition("features", 0)]
    metrics.assigned(mine)
    assert value(metrics, "rebalances_total") == 1
    metrics.revoked(mine)
    metrics.assigned([])
    assert value(metrics, "rebalances_total") == 2
    metrics.assigned(mine)
    assert value(metrics, "rebalances_total") == 3


def test_commits_rollbacks_turns_and_client_errors_are_counted():
    metrics = Metrics()
    metrics.commit_answered({}, None)
    metrics.commit_answered({}, "REBALANCE_IN_PROGRESS")
    metrics.commit_answered({}, "ILLEGAL_GENERATION")
    metrics.batch_rolled_back([None] * 10, DeliveryError("no"), 0.2)
    metrics.turned()
    metrics.turned()
    metrics.client_error("_ALL_BROKERS_DOWN", "1/1 brokers are down")
    assert value(metrics, "commits_total", outcome="accepted") == 1
    assert value(metrics, "commits_total", outcome="refused") == 2
    assert value(metrics, "batches_rolled_back_total", error="DeliveryError") == 1
    assert value(metrics, "loop_turns_total") == 2
    assert value(metrics, "client_errors_total", error="_ALL_BROKERS_DOWN") == 1


def test_a_version_is_shown_while_it_is_loaded():
    metrics = Metrics()
    first, second, third = (make_version(n) for n in (7, 8, 9))
    loaded = [first, second]
    metrics.models_loaded(LiveRoute((first,)), 1.25)
    metrics.watch_models(lambda: loaded)
    assert model_versions(metrics) == {"7", "8"}
    loaded[:] = [third, first]
    assert model_versions(metrics) == {"7", "9"}
    assert value(metrics, "model_load_seconds_sum") == 1.25
    labels = {"model": "flights", "version": "7", "sha256": first.sha256, "engine": "fake"}
    assert value(metrics, "model_info", **labels) == 1


def test_a_loaded_version_is_shown_also_when_nobody_can_be_asked():
    metrics = Metrics()
    metrics.models_loaded(LiveRoute((make_version(7),)), 1.25)
    assert model_versions(metrics) == {"7"}


def model_versions(metrics: Metrics) -> set[str]:
    return {dict(labels)["version"] for name, labels in read(metrics) if name == "scoreline_model_info"}


def test_predictions_of_a_version_are_shown_once_more_when_it_has_left_and_then_no_more():
    """A scraper that comes after it left still learns what it counted last."""
    metrics, loaded = Metrics(), [make_version(3), make_version(4)]
    metrics.watch_models(lambda: loaded)
    metrics.batch_scored(make_batch(make_records(2), positions={3: [0], 4: [1]}))
    del loaded[0]
    assert value(metrics, "predictions_total", path="stream", version="3") == 1
    assert value(metrics, "predictions_total", path="stream", version="3") is None
    assert value(metrics, "predictions_total", path="stream", version="4") == 1


def test_a_version_that_still_predicts_stays_though_it_is_not_kept():
    metrics = Metrics()
    metrics.watch_models(list)
    for n in (1, 2):
        metrics.request_served(make_request(version=3, instances=1))
        assert value(metrics, "predictions_total", path="http", version="3") == n


def test_ten_reloads_leave_no_series_of_a_version_that_has_gone():
    metrics, loaded = Metrics(), []
    metrics.watch_models(lambda: loaded)
    for number in range(1, 11):
        loaded[:] = [make_version(number)]
        metrics.models_loaded(LiveRoute(tuple(loaded)), 0.1)
        metrics.batch_scored(make_batch(make_records(1), positions={number: [0]}))
        read(metrics)
    assert {dict(labels).get("version") for name, labels in read(metrics) if name != "scoreline_build_info"} == {
        "10",
        None,
    }


def test_what_a_version_or_a_topic_counts_begins_at_nothing():
    """Else its first increment is no increase for a scraper."""
    metrics = Metrics()
    metrics.models_loaded(LiveRoute((make_version(7),), shadows=(make_version(8),)), 1.25)
    metrics.assigned([TopicPartition("features", 0)])
    assert value(metrics, "predictions_total", path="stream", version="7") == 0
    assert value(metrics, "predictions_total", path="shadow", version="8") == 0
    assert value(metrics, "predictions_total", path="shadow", version="7") is None
    assert value(metrics, "records_total", topic="features", outcome="dead_letter") == 0
    assert value(metrics, "batches_rolled_back_total", error="TooManyDeadLetters") == 0


def test_failures_of_a_route_begin_at_nothing_with_its_first_answer():
    metrics = Metrics()
    metrics.request_served(make_request(status=200))
    assert value(metrics, "http_requests_total", route="/predict", status="500") == 0
    assert value(metrics, "http_requests_total", route="/predict", status="503") == 0


def test_components_are_shown_as_they_are_at_the_scrape():
    metrics, ready = Metrics(), [True]
    board = HealthBoard()
    board.add(lambda: ComponentHealth("stream", "stream", ready[0], alive=True, detail=""))
    board.add(lambda: ComponentHealth("process", None, ready=True, alive=False, detail=""))
    metrics.watch_health(board.report)
    assert value(metrics, "component_ready", component="stream", role="stream") == 1
    assert value(metrics, "component_alive", component="process", role="all") == 0
    ready[0] = False
    assert value(metrics, "component_ready", component="stream", role="stream") == 0


def test_a_component_that_only_watches_is_shown_as_failing_too():
    metrics, board = Metrics(), HealthBoard()
    board.add(lambda: ComponentHealth("drift", None, ready=False, alive=False, detail="", advisory=True))
    metrics.watch_health(board.report)
    assert value(metrics, "component_ready", component="drift", role="all") == 0
    assert value(metrics, "component_alive", component="drift", role="all") == 0


def test_attempts_to_compile_are_counted_by_their_outcome():
    metrics = Metrics()
    assert value(metrics, "model_compilations_total", outcome="refused") == 0
    metrics.upgraded(Upgrade(make_version(), UpgradeOutcome.REFUSED, 0.5, "linear trees"))
    assert value(metrics, "model_compilations_total", outcome="refused") == 1
    assert value(metrics, "model_compilations_total", outcome="compiled") == 0


def test_whatever_arrives_the_number_of_series_is_bounded():
    metrics = Metrics()
    for i in range(300):
        metrics.request_served(make_request(route=f"/r{i}", version=i, status=200 + i))
        metrics.client_error(f"ERROR_{i}", "")
        metrics.batch_scored(make_batch(make_records(1), positions={i: [0]}))
    series = read(metrics)
    assert len({dict(labels)["route"] for name, labels in series if name.endswith("requests_total")}) == MAX_ROUTES + 1
    assert len([1 for name, _ in series if name.endswith("client_errors_total")]) == MAX_ERROR_NAMES + 1
    assert len([1 for name, _ in series if name.endswith("predictions_total")]) == 2 * MAX_VERSIONS
    assert len([1 for name, _ in series if name.endswith("requests_total")]) <= 300 + 2 * (MAX_ROUTES + 1)
    assert value(metrics, "predictions_total", path="stream", version="299") == 1


def test_two_services_in_one_process_share_nothing():
    one, other = Metrics(), Metrics()
    one.turned()
    assert value(other, "loop_turns_total") == 0


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", True),
        ("text/plain;q=0.9, application/openmetrics-text;q=0.2", False),
        ("application/openmetrics-text;q=0", False),
    ],
)
def test_the_accept_header_chooses_the_format(accept, openmetrics):
    body, content_type = Metrics().render(accept)
    assert content_type.startswith("application/openmetrics-text" if openmetrics else "text/plain; version=0.0.4")
    assert body.endswith(b"# EOF\n") == openmetrics


@settings(max_examples=100)
@given(
    st.text(alphabet="aplicton/-ext;vrsqm=0.12,* é\x00", max_size=60), st.sampled_from(["", "q=", "q=²", "version=x"])
)
def test_no_accept_header_is_refused(junk, parameter):
    """A caller may send anything; it is one of the two formats that comes back, never an error."""
    for accept in (junk, f"application/openmetrics-text;{parameter};{junk}", f"text/plain;{junk},{junk}"):
        assert prefers_openmetrics(accept) in (True, False)


def test_openmetrics_of_a_busy_service_is_valid():
    metrics = Metrics()
    metrics.assigned([TopicPartition('odd"topic\\', 0)])
    metrics.set_lag(TopicPartition('odd"topic\\', 0), 3, 0.5)
    metrics.batch_scored(make_batch(make_records(20)))
    metrics.request_served(make_request())
    metrics.models_loaded(LiveRoute((make_version(),)), 0.5)
    families = {f.name: f for f in parse_openmetrics(metrics.render("application/openmetrics-text")[0].decode())}
    assert families["scoreline_stage_seconds"].unit == "seconds"
    assert families["scoreline_records"].type == "counter"
    assert families["scoreline_consumer_lag_records"].samples[0].labels["topic"] == 'odd"topic\\'
    assert not [s for f in families.values() for s in f.samples if s.name.endswith("_created")]


def test_the_process_shows_its_memory_and_cpu():
    assert b"process_resident_memory_bytes" in Metrics().render("")[0]


def test_scrapes_while_two_threads_count_lose_nothing():
    metrics = Metrics()
    batch, request = make_batch(make_records(64)), make_request(instances=2)

    def stream() -> None:
        for i in range(200):
            metrics.assigned([TopicPartition("features", i % 3)])
            metrics.batch_scored(batch)
            metrics.revoked([TopicPartition("features", i % 3)])

    def serve() -> None:
        for _ in range(1000):
            metrics.request_served(request)

    threads = [threading.Thread(target=stream), threading.Thread(target=serve), threading.Thread(target=serve)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        metrics.render("")
    assert value(metrics, "predictions_total", path="stream", version="3") == 200 * 64
    assert value(metrics, "predictions_total", path="http", version="3") == 4000
    assert value(metrics, "http_requests_total", route="/predict", status="200") == 2000
