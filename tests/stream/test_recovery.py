"""How the loop waits for what has failed."""

from scoreline.errors import Unavailable
from scoreline.records import TopicPartition
from scoreline.transport.memory import MemorySource
from tests.contracts.worlds import MANY_BYTES
from tests.stream.scenes import GROUP, Scene, encode

FIRST = TopicPartition("features", 0)


def watch(scene, name):
    """Remember what is called on the source under this name."""
    calls, real = [], getattr(scene.source, name)

    def call(*arguments):
        calls.append(arguments)
        return real(*arguments)

    setattr(scene.source, name, call)
    return calls


def test_a_short_outage_keeps_the_batch_in_hand_and_what_was_fetched():
    scene = Scene()
    scene.broker.append("features", encode(4))
    scene.catalog.away = True
    scene.witness.on_failure = lambda failures: setattr(scene.catalog, "away", failures < 3)
    rewinds, kept_alive = watch(scene, "rewind"), watch(scene, "keep_alive")
    scene.turn()
    assert [value for _, value in scene.predictions()] == [8.0]
    assert not rewinds
    assert not kept_alive


def test_an_outage_that_lasts_hands_the_batch_back_once_and_keeps_the_membership():
    scene = Scene()
    scene.broker.append("features", encode(4))
    scene.catalog.away = True
    scene.witness.on_failure = lambda failures: setattr(scene.catalog, "away", failures < 12)
    rewinds, kept_alive = watch(scene, "rewind"), watch(scene, "keep_alive")
    scene.turn()
    assert scene.predictions() == []
    assert rewinds == [({FIRST: 0},)]
    assert len(kept_alive) > 100, "ten times a second"
    scene.turn()
    assert [value for _, value in scene.predictions()] == [8.0]


def test_another_member_gets_its_partitions_while_a_dependency_is_away():
    scene = Scene()
    for partition in range(4):
        scene.broker.append("features", encode(4), partition=partition)
    scene.turn()
    scene.broker.append("features", encode(5, schema_id=2))
    scene.catalog.away = True
    other = MemorySource(scene.broker, GROUP, ["features"], member="other")

    def look(failures):
        other.poll(1, MANY_BYTES, 0.0)
        scene.catalog.away = len(other.assignment()) < 2

    scene.witness.on_failure = look
    scene.turn()
    assert len(other.assignment()) == len(scene.source.assignment()) == 2


def test_a_partition_that_went_and_came_back_while_a_batch_was_held_is_not_rewound():
    """Its next owner has finished the record, and has committed that."""
    scene = Scene()
    scene.broker.append("features", encode(1))
    scene.turn()
    scene.broker.append("features", encode(2, schema_id=2))
    scene.catalog.away = True
    group = scene.broker.group(GROUP)

    def lose_for_a_while(failures):
        if failures == 10:
            group.expire("member")
            group.committed[FIRST] = 2
        scene.catalog.away = failures < 14

    scene.witness.on_failure = lose_for_a_while
    scene.turn(4)
    assert [value for _, value in scene.predictions()] == [2.0]


def test_a_stop_ends_the_wait_and_commits_nothing_of_the_batch():
    scene = Scene()
    scene.broker.append("features", encode(1))
    scene.catalog.away = True
    scene.witness.on_failure = lambda failures: setattr(scene.stop, "requested", failures == 5)
    scene.loop.run()
    scene.delivery.close()
    assert scene.committed() == {}
    assert [kind for _, kind, _ in scene.witness.rolled_back] == [Unavailable] * 5


def test_the_position_is_committed_while_a_batch_is_held():
    """Everything was handed back, so what was finished before may be committed meanwhile."""
    scene = Scene()
    scene.broker.append("features", encode(1), partition=1)
    scene.group = scene.broker.group(GROUP)
    scene.group.refusals.append("REBALANCE_IN_PROGRESS")
    scene.turn()
    scene.broker.append("features", encode(2, schema_id=2))
    scene.catalog.away = True
    scene.witness.on_failure = lambda failures: setattr(scene.catalog, "away", failures < 12)
    scene.turn()
    assert scene.committed() == {TopicPartition("features", 1): 1}
