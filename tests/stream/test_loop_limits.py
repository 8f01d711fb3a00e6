"""Outputs that are too large, and too many dead letters: what the loop does by itself, and where it stops."""

import pytest

from scoreline.dead_letters import DETAIL_HEADER, REASON_HEADER, SOURCE_OFFSET_HEADER
from scoreline.errors import DeliveryError, RecordTooLarge, TooManyDeadLetters
from scoreline.records import TopicPartition, find_header
from scoreline.stream.breaker import Breaker
from tests.stream.scenes import Scene, encode

FIRST = TopicPartition("features", 0)
UNDECODABLE = b"\x07"


def append_many(scene, count, large=()):
    """A record each, where those that are named have a key of 900 bytes, which their prediction carries."""
    for n in range(count):
        scene.broker.append("features", encode(n), key=bytes(900) if n in large else b"%d" % n)


@pytest.mark.parametrize("large", [{0}, {7}, {49}, {3, 4, 31}, set(range(50))], ids=str)
def test_a_prediction_that_is_too_large_is_found_and_its_neighbours_come_out(large):
    scene = Scene(max_record_bytes=935)
    append_many(scene, 50, large)
    scene.turn(2)
    assert {value for _, value in scene.predictions()} == {2.0 * n for n in range(50) if n not in large}
    letters = scene.broker.read("dead-letters")
    assert {int(find_header(r, SOURCE_OFFSET_HEADER)) for r in letters} == large
    assert {find_header(r, REASON_HEADER) for r in letters} == {b"too_large"}
    assert all(b"MSG_SIZE_TOO_LARGE" in find_header(r, DETAIL_HEADER) for r in letters)
    assert scene.committed() == {FIRST: 50}
    assert scene.witness.rolled_back == []
    assert sum(len(e.records) for e in scene.witness.batches) == 50


def test_first_copies_stay_in_order_while_a_batch_is_halved():
    scene = Scene(max_record_bytes=935)
    append_many(scene, 64, {20})
    scene.turn(2)
    first = list(dict.fromkeys(value for _, value in scene.predictions()))
    assert sorted(first) == [2.0 * n for n in range(64) if n != 20]


def test_a_dead_letter_that_does_not_fit_stops_the_stream_and_names_it():
    """Nothing is dropped; what was before it is finished."""
    scene = Scene(max_record_bytes=500)
    for n in range(4):
        scene.broker.append("features", encode(n))
    scene.broker.append("features", UNDECODABLE + bytes(600))
    scene.broker.append("features", encode(9))
    scene.witness.on_failure = lambda failures: setattr(scene.stop, "requested", failures == 3)
    scene.loop.run()
    scene.delivery.close()
    assert scene.committed() == {FIRST: 4}
    assert scene.broker.read("dead-letters") == []
    assert {kind for _, kind, _ in scene.witness.rolled_back} == {RecordTooLarge}
    assert "MSG_SIZE_TOO_LARGE" in scene.witness.errors[-1]


def test_what_was_finished_before_a_failure_within_a_halved_batch_is_not_read_again():
    scene = Scene(max_record_bytes=935)
    append_many(scene, 8, {7})
    real, calls = scene.delivery.finish, []

    def fail_at_the_third(outputs, dead_letters, next_offsets):
        calls.append(len(outputs) + len(dead_letters))
        if len(calls) == 3:
            raise DeliveryError("away")
        return real(outputs, dead_letters, next_offsets)

    scene.delivery.finish = fail_at_the_third
    scene.turn()
    assert calls == [8, 4, 4]
    assert [records for records, _, _ in scene.witness.rolled_back] == [4]
    scene.turn(2)
    assert scene.committed() == {FIRST: 8}


def make_breaking_scene(window=1000):
    return Scene(breaker=Breaker(0.5, window))


def test_a_batch_with_too_many_dead_letters_is_not_published_and_scored_again_until_it_is_cured():
    scene = make_breaking_scene()
    for n in range(200):
        scene.broker.append("features", encode(n, schema_id=99 if n % 4 else 1))
    rounds = []

    def look(failures):
        rounds.append((len(scene.broker.read("predictions")), len(scene.broker.read("dead-letters"))))
        if failures == 4:
            scene.catalog.known = 99  # somebody has published the schema

    scene.witness.on_failure = look
    scene.turn(2)
    assert rounds == [(0, 0)] * 4
    assert [seconds for _, _, seconds in scene.witness.rolled_back] == [1.0, 2.0, 4.0, 8.0]
    assert {kind for _, kind, _ in scene.witness.rolled_back} == {TooManyDeadLetters}
    assert [value for _, value in scene.predictions()] == [2.0 * n for n in range(200)]
    assert scene.broker.read("dead-letters") == []
    assert scene.committed() == {FIRST: 200}


def test_the_pause_of_the_breaker_grows_to_a_minute():
    scene = make_breaking_scene()
    for _ in range(150):
        scene.broker.append("features", UNDECODABLE)
    scene.witness.on_failure = lambda failures: setattr(scene.stop, "requested", failures == 9)
    scene.loop.run()
    assert [seconds for _, _, seconds in scene.witness.rolled_back] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_resume_lets_one_window_pass_at_once():
    breaker = Breaker(0.5, 300)
    scene = Scene(breaker=breaker)
    for _ in range(1000):
        scene.broker.append("features", UNDECODABLE)

    def resume(failures):
        breaker.let_pass() if failures == 1 else setattr(scene.stop, "requested", True)

    scene.witness.on_failure = resume
    scene.loop._limits = type(scene.loop._limits)(max_records=100)
    began = scene.now
    scene.loop.run()
    assert len(scene.broker.read("dead-letters")) == 300
    assert scene.now - began < 3.0, "the first pause is cut short, and the second is ended by the stop"


def test_the_partitions_are_kept_and_nothing_is_in_hand_while_the_breaker_is_open():
    scene = make_breaking_scene()
    for _ in range(150):
        scene.broker.append("features", UNDECODABLE)
    kept = []
    real = scene.source.keep_alive
    scene.source.keep_alive = lambda: (kept.append(scene.source.lags()[FIRST]), real())
    scene.witness.on_failure = lambda failures: setattr(scene.stop, "requested", failures == 3)
    scene.loop.run()
    assert len(kept) >= 20
    assert set(kept) == {150}
