"""What observers may ask of a finished batch."""

from dataclasses import replace

import numpy as np

from scoreline.observability.events import Outcome
from scoreline.records import Reason
from scoreline.schemas.event_times import NO_TIME_MS
from tests.observability.batches import FINISHED_AT_MS, make_batch, make_letter, make_records


def test_every_record_of_one_topic_has_one_outcome():
    records = make_records(10)
    event = make_batch(
        records,
        positions={3: [0, 1, 2, 4], 4: [5, 6]},
        infinite=[1],
        dead_letters=[make_letter(records[1], Reason.INVALID_VALUE), make_letter(records[3])],
        skipped=3,
    )
    assert event.outcomes == {
        ("features", Outcome.PREDICTED): 5,
        ("features", Outcome.DEAD_LETTER): 2,
        ("features", Outcome.SKIPPED): 3,
    }


def test_every_record_of_several_topics_has_one_outcome():
    records = [*make_records(4), *make_records(4, topic="features.redrive")]
    letters = [make_letter(records[0]), make_letter(records[5])]
    event = make_batch(records, positions={3: [1, 2, 4]}, dead_letters=letters)
    assert event.outcomes == {
        ("features", Outcome.PREDICTED): 2,
        ("features", Outcome.DEAD_LETTER): 1,
        ("features", Outcome.FORWARDED): 1,
        ("features.redrive", Outcome.PREDICTED): 1,
        ("features.redrive", Outcome.DEAD_LETTER): 1,
        ("features.redrive", Outcome.FORWARDED): 2,
    }


def test_skipped_tombstones_of_several_topics_are_not_taken_for_forwarded_ones():
    event = make_batch([*make_records(2), *make_records(2, topic="other")], positions={3: [0, 2]}, skipped=2)
    assert event.outcomes[("features", Outcome.SKIPPED)] == 1
    assert event.outcomes[("other", Outcome.SKIPPED)] == 1


def test_a_row_without_a_finite_output_is_no_prediction():
    event = make_batch(make_records(3), infinite=[2])
    assert event.predictions == {3: 2}


def test_only_predicted_records_have_an_end_to_end_time():
    records = [
        *make_records(1, age_ms=1500),
        *make_records(1, age_ms=9000),
        *make_records(1, age_ms=40),
        *make_records(1, age_ms=70),
    ]
    event = make_batch(records, positions={3: [0, 3], 4: [2]}, infinite=[1], dead_letters=[make_letter(records[1])])
    assert event.end_to_end_seconds.tolist() == [1.5, 0.04]


def test_a_record_from_the_future_took_no_time_and_one_without_a_timestamp_is_left_out():
    records = [*make_records(1, age_ms=-5000), *make_records(1, age_ms=FINISHED_AT_MS), *make_records(1, age_ms=250)]
    assert make_batch(records).end_to_end_seconds.tolist() == [0.0, 0.25]


def test_timestamps_that_were_asked_for_already_are_those_of_the_end_to_end_times():
    event = make_batch(make_records(3), positions={3: [0, 2]}, dead_letters=[make_letter(make_records(1)[0])])
    times = np.array([FINISHED_AT_MS - 70, FINISHED_AT_MS - 9000, NO_TIME_MS])
    assert replace(event, kafka_times_ms=times).end_to_end_seconds.tolist() == [0.07]


def test_a_batch_of_dead_letters_alone_is_fine():
    records = make_records(2)
    event = make_batch(records, positions={}, dead_letters=[make_letter(r) for r in records])
    assert event.outcomes == {("features", Outcome.DEAD_LETTER): 2}
    assert event.reasons == {Reason.UNDECODABLE: 2}
    assert event.end_to_end_seconds.shape == (0,)
    assert event.end_to_end_seconds.dtype == np.float64
