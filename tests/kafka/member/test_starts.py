"""Where partitions begin, against a cluster that answers what a scene says."""

from types import SimpleNamespace

import pytest
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.kafka.member.starts import StartOffsets
from scoreline.records import TopicPartition

INPUT, REDRIVE = TopicPartition("features", 0), TopicPartition("features.redrive", 0)
WITHOUT_OFFSET = None


class Scene:
    """One partition each of two topics, both ours, with offsets 3 to 9 in them."""

    def __init__(self, committed=None, policy="earliest"):
        self.committed_offsets = committed or {}
        self.assignment = frozenset({INPUT, REDRIVE})
        self.commits, self.restarts, self.moves, self.asked = [], [], [], []
        self.strandings = []
        self.starts = StartOffsets(
            self, self, policy=policy, group_id="group", commit=self.commits.append, moved=self.moves.append
        )

    def add_listener(self, listener):
        pass

    def restart(self, offsets):
        self.restarts.append(dict(offsets))

    def strand(self, partition, detail):
        self.strandings.append(partition)

    def list_topics(self, topic, timeout):
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: None})})

    def committed(self, partitions, timeout):
        return [
            ClientPartition(p.topic, p.partition, self.committed_offsets.get((p.topic, p.partition), -1001))
            for p in partitions
        ]

    def get_watermark_offsets(self, partition, timeout):
        self.asked.append(partition.topic)
        return 3, 9

    def tell(self, partition, offset=WITHOUT_OFFSET):
        """The client does not know where to go on."""
        self.starts.note(
            SimpleNamespace(topic=lambda: partition.topic, partition=lambda: partition.partition, offset=lambda: offset)
        )


def test_all_partitions_of_ours_begin_together_and_none_is_read_before_every_commit_is_there():
    """A partition that was assigned anew while its commit was being made would be read, and then sent back."""
    scene = Scene()
    scene.tell(REDRIVE)
    scene.starts.settle()
    assert (scene.commits, scene.restarts) == ([{INPUT: 3, REDRIVE: 3}], [])
    scene.committed_offsets[REDRIVE] = 3
    scene.starts.settle()
    assert (scene.commits[1:], scene.restarts) == ([{INPUT: 3}], [])
    scene.committed_offsets[INPUT] = 3
    scene.starts.settle()
    assert scene.restarts == scene.moves == [{INPUT: 3, REDRIVE: 3}]


def test_what_was_begun_is_not_asked_for_its_bounds_again_nor_begun_twice():
    scene = Scene()
    scene.tell(INPUT)
    scene.starts.settle()
    scene.committed_offsets |= {INPUT: 3, REDRIVE: 3}
    scene.asked.clear()
    scene.starts.settle()
    assert scene.asked == []
    scene.tell(INPUT)
    scene.starts.settle()
    assert len(scene.restarts) == 1, "the client's word was older than the beginning"


@pytest.mark.parametrize("offset", [1, 12])
def test_a_partition_that_stands_is_told_of_at_once_and_keeps_no_other_waiting(offset):
    scene = Scene({INPUT: offset})
    scene.tell(INPUT, offset)
    scene.starts.settle()
    assert scene.strandings == [INPUT]
    assert scene.commits == [{REDRIVE: 3}]
    scene.committed_offsets[REDRIVE] = 3
    scene.starts.settle()
    assert scene.restarts == [{REDRIVE: 3}]
    assert scene.strandings == [INPUT], "once"
    assert scene.starts.find_lags() == {INPUT: 6 if offset == 1 else 0}


def test_commits_of_another_topic_do_not_make_a_partition_one_that_was_added():
    scene = Scene({REDRIVE: 5}, policy="latest")
    scene.tell(INPUT)
    scene.starts.settle()
    assert scene.commits == [{INPUT: 9}], "the end, as for a group that is new"
