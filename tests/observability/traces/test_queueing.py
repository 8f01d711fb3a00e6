"""Spans that wait: no more than may, and each is accounted for."""

from tests.observability.batches import make_batch, make_records

BATCH = make_batch(make_records(1))


def test_what_finds_no_place_is_dropped_and_counted_and_all_others_are_exported(
    collector, open_traces, counted, monkeypatch, caplog
):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    traces = open_traces()
    collector.answering.clear()
    for _ in range(24):
        traces.batches.batch_scored(BATCH)
    taken_meanwhile = 20 - counted.dropped
    assert 0 <= taken_meanwhile <= 4, "what the exporter has in hand waits no more"
    collector.answering.set()
    traces.close(10.0)

    assert len(collector.spans) == counted.exported == 24 - counted.dropped
    assert counted.failed == 0
    assert caplog.records == [], "the SDK has not noticed"


def test_there_is_room_again_once_spans_were_taken(collector, open_traces, counted, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "2")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    traces = open_traces()
    for _ in range(5):
        traces.batches.batch_scored(BATCH)
        traces._provider.force_flush()

    assert (counted.exported, counted.dropped) == (5, 0)
