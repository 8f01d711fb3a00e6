"""The loop over the in-memory broker: what it finishes, what it rolls back, what it tells."""

import struct

import pytest

from scoreline.dead_letters import REASON_HEADER
from scoreline.errors import FatalClientError, Unavailable
from scoreline.records import PIN_HEADER, UNREADABLE_HEADERS, TopicPartition, find_header
from scoreline.scoring import Tombstones
from scoreline.stream.loop import BatchLimits
from scoreline.stream.recovery import find_first_offsets
from scoreline.transport.record import StoredRecord
from tests.stream.scenes import Scene, Witness, decode, encode


def test_records_come_out_scored_on_the_partition_and_in_the_order_they_went_in():
    scene = Scene()
    for n in range(20):
        scene.broker.append("features", encode(n), partition=n % 4, key=b"%d" % n)
    scene.turn(3)
    for partition in range(4):
        found = [value for p, value in scene.predictions() if p == partition]
        assert found == [2.0 * n for n in range(20) if n % 4 == partition]


def test_what_is_finished_is_committed_up_to_the_next_record():
    scene = Scene()
    for n in range(5):
        scene.broker.append("features", encode(n), partition=1)
    scene.turn(3)
    assert scene.committed() == {TopicPartition("features", 1): 5}


def test_a_broken_record_is_a_dead_letter_and_its_neighbours_are_scored():
    scene = Scene()
    for value in (encode(1), b"nonsense", encode(2), None, encode(float("inf"))):
        scene.broker.append("features", value)
    scene.turn(2)
    assert [value for _, value in scene.predictions()] == [2.0, 4.0]
    reasons = [find_header(r, REASON_HEADER).decode() for r in scene.broker.read("dead-letters")]
    assert reasons == ["undecodable", "tombstone", "invalid_value"]
    (event,) = scene.witness.batches
    assert len(event.dead_letters) == 3
    assert event.predictions == {1: 2}


def test_a_batch_with_pins_is_scored_by_several_versions_and_keeps_its_order():
    scene = Scene()
    for n in range(9):
        pin = {0: None, 1: [(PIN_HEADER, b"2")], 2: [(PIN_HEADER, b"9")]}[n % 3]
        scene.broker.append("features", encode(n), headers=pin)
    scene.turn(2)
    found = [decode(r) for r in scene.broker.read("predictions")]
    assert [p["source_offset"] for p in found] == [0, 1, 3, 4, 6, 7]
    assert [p["version"] for p in found] == [1, 2, 1, 2, 1, 2]
    assert [p["prediction"] for p in found] == [0.0, 3.0, 6.0, 12.0, 12.0, 21.0]
    letters = scene.broker.read("dead-letters")
    assert {find_header(r, REASON_HEADER) for r in letters} == {b"unknown_version"}


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_refused_output_rolls_the_batch_back_until_it_is_delivered_and_commits_nothing_before(refusals):
    scene = Scene()
    for n in range(3):
        scene.broker.append("features", encode(n))
    scene.turn()
    scene.publisher.refusals.extend(["NOT_ENOUGH_REPLICAS"] * refusals)
    while len(scene.witness.rolled_back) < refusals and not scene.witness.batches:
        scene.turn()
        assert scene.committed() == {} or scene.witness.batches
    scene.turn(4)
    assert {value for _, value in scene.predictions()} == {0.0, 2.0, 4.0}
    assert scene.committed() == {TopicPartition("features", 0): 3}


def test_a_registry_that_is_away_holds_the_batch_without_a_dead_letter_and_waits_longer_each_time():
    scene = Scene()
    scene.broker.append("features", encode(4))
    scene.catalog.away = True
    seen = []

    def look(failures):
        seen.append((scene.committed(), scene.broker.read("dead-letters"), scene.broker.read("predictions")))
        scene.catalog.away = failures < 6

    scene.witness.on_failure = look
    scene.turn()
    assert seen == [({}, [], [])] * 6
    assert [kind for _, kind, _ in scene.witness.rolled_back] == [Unavailable] * 6
    pauses = [seconds for _, _, seconds in scene.witness.rolled_back]
    assert pauses[-1] > pauses[0]
    scene.turn(2)
    assert [value for _, value in scene.predictions()] == [8.0]


def test_a_batch_that_succeeds_makes_the_next_wait_short_again():
    scene = Scene()
    scene.broker.append("features", encode(1))
    scene.catalog.away = True
    scene.witness.on_failure = lambda failures: setattr(scene.catalog, "away", failures < 8)
    scene.turn(2)
    scene.broker.append("features", b"\x00\x00\x00\x00\x05\x00")
    scene.catalog.away = True
    scene.turn()
    assert len(scene.witness.rolled_back) == 9
    assert scene.witness.rolled_back[-1][2] <= 0.2


def test_a_batch_never_holds_more_records_than_allowed():
    scene = Scene(limits=BatchLimits(max_records=7))
    for n in range(30):
        scene.broker.append("features", encode(n))
    scene.turn(8)
    assert [len(e.records) for e in scene.witness.batches] == [7, 7, 7, 7, 2]


def test_tombstones_are_skipped_or_forwarded_on_request():
    for policy, forwarded in ((Tombstones.SKIP, []), (Tombstones.FORWARD, [(b"k", None)])):
        scene = Scene(tombstones=policy)
        scene.broker.append("features", None, key=b"k", partition=2)
        scene.turn(2)
        assert [(r.key(), r.value()) for r in scene.broker.read("predictions")] == forwarded
        assert scene.broker.read("dead-letters") == []
        assert scene.committed() == {TopicPartition("features", 2): 1}
        (event,) = scene.witness.batches
        assert event.skipped == (1 if policy is Tombstones.SKIP else 0)


def test_observers_get_every_stage_of_a_finished_batch_and_the_moment_it_was_finished():
    scene = Scene()
    scene.broker.append("features", encode(1), timestamp_ms=1_700_000_000_000)
    scene.turn(2)
    (event,) = scene.witness.batches
    assert set(event.stage_seconds) == {"poll", "decode", "predict", "encode", "publish", "commit"}
    assert all(seconds > 0 for seconds in event.stage_seconds.values())
    assert event.finished_at_ms == 1_700_000_001_000


def test_observers_get_the_timestamps_that_predictions_were_made_with():
    scene = Scene()
    for at_ms in (5, 7):
        scene.broker.append("features", encode(1), timestamp_ms=at_ms)
    scene.turn(2)
    (event,) = scene.witness.batches
    assert event.kafka_times_ms.tolist() == [5, 7]
    found = [decode(record)["event_time"].timestamp() for record in scene.broker.read("predictions")]
    assert found == [0.005, 0.007]


def test_a_stop_ends_the_loop_between_two_batches():
    scene = Scene()
    scene.broker.append("features", encode(1))

    class StopWhenScored(Witness):
        def batch_scored(self, event):
            scene.stop.requested = True

    scene.loop._batch_observers = (StopWhenScored(),)
    scene.loop.run()
    scene.delivery.close()
    assert [value for _, value in scene.predictions()] == [2.0]
    assert scene.committed() == {TopicPartition("features", 0): 1}
    assert scene.witness.turns >= 1


def test_a_fatal_client_error_ends_the_loop():
    scene = Scene()
    scene.broker.append("features", encode(1))

    def die(*_):
        raise FatalClientError("fenced")

    scene.publisher.publish = die
    with pytest.raises(FatalClientError, match="fenced"):
        scene.turn(2)
    assert scene.committed() == {}


def test_the_first_offset_of_each_partition_is_where_a_batch_has_to_be_read_again():
    records = [StoredRecord("a", 0, 5), StoredRecord("a", 1, 9), StoredRecord("a", 0, 6), StoredRecord("b", 0, 1)]
    assert find_first_offsets(records) == {
        TopicPartition("a", 0): 5,
        TopicPartition("a", 1): 9,
        TopicPartition("b", 0): 1,
    }


def test_a_stop_does_not_wait_for_a_slow_registry_to_answer_for_every_schema():
    scene = Scene()
    for schema_id in range(2, 50):
        scene.broker.append("features", struct.pack(">bI", 0, schema_id) + b"\x00")
    asked = []

    def go_on():
        asked.append(1)
        if len(asked) > 5:
            raise Unavailable("stopping")

    scene.loop._path._decoder._before_lookup = go_on
    scene.witness.on_failure = lambda _: setattr(scene.stop, "requested", True)
    scene.turn()
    assert len(asked) == 6
    assert scene.broker.read("dead-letters") == []
    assert scene.committed() == {}


def test_a_record_whose_headers_cannot_be_read_is_a_dead_letter():
    scene = Scene()
    scene.broker.append("features", encode(1))
    scene.broker.append("features", encode(2), headers=[(UNREADABLE_HEADERS, b"")], key=b"k")
    scene.broker.append("features", encode(3))
    scene.turn(2)
    assert [value for _, value in scene.predictions()] == [2.0, 6.0]
    (letter,) = scene.broker.read("dead-letters")
    assert (letter.key(), letter.value()) == (b"k", encode(2))
    assert find_header(letter, REASON_HEADER) == b"undecodable"


def test_a_records_trace_goes_on_to_its_prediction_or_to_its_dead_letter_as_it_came():
    """Nothing has to be switched on for that, and nothing looks whether it is well-formed."""
    scene = Scene()
    trace = [("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"), ("tracestate", b"x=1,y=2")]
    for value in (encode(1), b"nonsense"):
        scene.broker.append("features", value, headers=trace)
        scene.broker.append("features", value, headers=[("traceparent", b"no context")])
    scene.turn(2)

    for topic in ("predictions", "dead-letters"):
        whole, odd = (list(record.headers()) for record in scene.broker.read(topic))
        assert whole[:2] == trace
        assert odd[0] == ("traceparent", b"no context")
