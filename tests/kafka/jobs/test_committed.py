"""What a group has committed, asked from outside of it."""

import pytest

from scoreline.errors import Unavailable
from scoreline.kafka.client.clients import make_transactional_producer
from scoreline.kafka.jobs.committed import CommittedOffsets
from scoreline.kafka.member.commits import annotate
from scoreline.records import TopicPartition
from tests.kafka.jobs.scenes import ANSWER_SECONDS, JobsScene, await_that, make_chunks, make_order, poll_until

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_there_is_no_answer_while_a_transaction_has_the_offsets_and_then_the_one_that_it_has_left(
    kafka, make_topic, tmp_path, protocol
):
    scene = JobsScene(kafka.bootstrap_servers, make_topic, tmp_path)
    committed = CommittedOffsets(scene.properties, scene.group_id, observer=None)
    scene.properties["group.protocol"] = protocol
    source = scene.open_source(scene.names.jobs)
    del scene.properties["group.protocol"]
    try:
        publisher = scene.open_publisher()
        publisher.publish_chunk(make_chunks(make_order(), 1)[0]).result(ANSWER_SECONDS)
        (record,) = poll_until(source, 1)
        partition = TopicPartition(record.topic(), record.partition())
        elsewhere = TopicPartition(record.topic(), (record.partition() + 1) % scene.partitions)
        producer = make_transactional_producer(scene.properties, f"{scene.group_id}-some-id")
        producer.init_transactions(ANSWER_SECONDS)
        producer.begin_transaction()
        producer.send_offsets_to_transaction(annotate({partition: 1, elsewhere: 5}, {}), source.group_metadata())

        with pytest.raises(Unavailable, match=scene.group_id):
            committed.find([partition])
        producer.commit_transaction(ANSWER_SECONDS)
        assert committed.find([partition, elsewhere]) == {partition: 1, elsewhere: 5}
        producer.close()
    finally:
        scene.close()


def test_a_group_that_never_was_has_committed_nothing(jobs_scene):
    """Asked right after the start, its coordinator may be loading: then there is no answer yet."""
    committed = CommittedOffsets(jobs_scene.properties, "nobody", observer=None)
    answers = []

    def is_answered():
        try:
            answers.append(committed.find([TopicPartition(jobs_scene.names.jobs, 0)]))
        except Unavailable:
            return False
        return True

    await_that(is_answered)
    assert answers == [{}]
