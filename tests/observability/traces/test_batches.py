"""Spans of batches, as a collector gets them."""

from scoreline.observability.traces.batches import MOST_LINKS, find_sampled
from scoreline.records import Reason
from scoreline.transport.record import StoredRecord
from tests.observability.batches import FINISHED_AT_MS, STAGES, make_batch, make_letter, make_records
from tests.observability.traces.collector import read_attributes


def make_traced(count, *, flags="01", topic="features"):
    """Records each of which is in a trace of its own, the first in number 1."""
    return [
        StoredRecord(
            topic, 0, i, value_=b"x", headers_=[("traceparent", f"00-{i + 1:032x}-{i + 1:016x}-{flags}".encode())]
        )
        for i in range(count)
    ]


def linked(span):
    return [int.from_bytes(link.trace_id) for link in span.links]


def test_a_batch_is_one_span_with_links_to_the_sampled_contexts_of_its_records(collector, open_traces):
    traces = open_traces()
    records = [*make_traced(2), *make_records(1, first_offset=5), *make_traced(3, flags="00"), *make_traced(4)]
    traces.batches.batch_scored(make_batch(records))
    traces.close(5.0)

    (span,) = collector.spans
    assert (span.name, span.kind) == ("score features", span.SPAN_KIND_CONSUMER)
    assert span.parent_span_id == b""
    assert linked(span) == [1, 2, 3, 4]
    assert [link.span_id for link in span.links] == [n.to_bytes(8) for n in (1, 2, 3, 4)]


def test_the_span_lasts_from_the_records_to_the_acknowledgement_and_says_what_took_how_long(collector, open_traces):
    traces = open_traces()
    traces.batches.batch_scored(make_batch(make_records(3)))
    traces.close(5.0)

    (span,) = collector.spans
    worked = sum(seconds for stage, seconds in STAGES.items() if stage != "poll")
    assert span.end_time_unix_nano == FINISHED_AT_MS * 1_000_000
    assert abs(span.end_time_unix_nano - span.start_time_unix_nano - worked * 1e9) < 1000
    told = read_attributes(span.attributes)
    assert {name: told[f"scoreline.stage.{name}_seconds"] for name in STAGES} == STAGES


def test_the_span_says_what_became_of_the_records(collector, open_traces):
    traces = open_traces()
    records = [*make_records(4), *make_records(1, topic="features.redrive")]
    letters = [make_letter(records[3]), make_letter(records[4], Reason.TOMBSTONE)]
    traces.batches.batch_scored(make_batch(records, positions={3: [0, 1], 4: [2]}, dead_letters=letters))
    traces.close(5.0)

    (span,) = collector.spans
    told = read_attributes(span.attributes)
    assert span.name == "score features,features.redrive"
    assert {k: v for k, v in told.items() if "stage" not in k} == {
        "messaging.system": "kafka",
        "messaging.operation.name": "score",
        "messaging.operation.type": "process",
        "messaging.destination.name": "features,features.redrive",
        "messaging.consumer.group.name": "group",
        "messaging.batch.message_count": 5,
        "scoreline.model": "flights",
        "scoreline.predictions": 3,
        "scoreline.versions": [3, 4],
        "scoreline.dead_letters": 2,
        "scoreline.dead_letters.undecodable": 1,
        "scoreline.dead_letters.tombstone": 1,
    }


def test_links_are_bounded_and_each_context_is_linked_once():
    assert len(find_sampled(make_traced(MOST_LINKS + 50))) == MOST_LINKS
    assert len(find_sampled([*make_traced(3)] * 10)) == 3


class Unasked(StoredRecord):
    """A record whose headers nobody may ask for."""

    def headers(self):
        raise AssertionError("headers were asked for")


def test_a_batch_that_is_not_sampled_is_not_exported_and_no_header_of_it_is_looked_at(
    collector, open_traces, counted, monkeypatch
):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traces = open_traces()
    traces.batches.batch_scored(make_batch([Unasked("features", 0, i) for i in range(3)]))
    traces.close(5.0)

    assert collector.spans == []
    assert counted.exported == 0
