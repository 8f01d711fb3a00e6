"""What a worker's delivery does where its producer is lost, and where a partition is new: with a producer of a test."""

import pytest

from scoreline.errors import DeliveryError, FatalClientError, Refused, StopOverdue, Unavailable
from scoreline.jobs.events import EVENTS_PARTITION_HEADER, ChunkFailed
from scoreline.kafka.jobs.delivery import MOST_LOST_PRODUCERS, KafkaChunkDelivery
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.records import TopicPartition
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing
from scoreline.transport.patience import Patience
from scoreline.transport.ports import GroupMetadata
from scoreline.transport.record import StoredRecord
from tests.kafka.jobs.scenes import make_order

NAMES = JobTopicNames("jobs", "bulk", "results", "events", "letters")
CHUNK = TopicPartition("jobs", 0)
NEXT = {CHUNK: 8}
GROUP = GroupMetadata(b"")
ORDER = make_order()
FAILED = ChunkFailed(ORDER.job_id, ORDER.submission, 0, 0, "it is no chunk")


class ScriptedProducing:
    """Does as it is told at the commit, and remembers what was produced, and how often it was replaced."""

    def __init__(self):
        self.is_fenced = False
        self.at_commit = lambda: None
        self.at_renewal = lambda: None
        self.renewed = 0
        self.worn_out = False
        self.produced = []
        self.headers = {}

    def begin(self):
        pass

    def produce(self, topic, value, key, partition, *, headers=None, **_):
        self.produced.append((topic, partition))
        self.headers[topic] = headers

    def flush(self, timeout_seconds):
        return True

    def send_offsets(self, next_offsets, metadata, timeout_seconds):
        return True

    def commit(self, timeout_seconds):
        self.at_commit()
        return True

    def abort(self, timeout_seconds):
        return True

    def renew(self):
        self.renewed += 1
        self.at_renewal()
        self.is_fenced = False

    def wear_out(self):
        self.worn_out = True


class Scene:
    def __init__(self, folder):
        self.now = 100.0
        self.overdue = False
        self.producing = ScriptedProducing()
        self.committed = []
        self.partitions_now = 3
        self.ended = []
        encoding = JobEncoding(FolderCatalog(folder), Framing.CONFLUENT, NAMES)
        encoding.look()
        self.delivery = KafkaChunkDelivery(
            self.producing,
            encoding,
            NAMES,
            dict.fromkeys(NAMES.every, 3),
            count_partitions=lambda topic: self.partitions_now,
            find_committed=self.find_committed,
            transaction_seconds=10.0,
            patience=Patience(
                self, clock=lambda: self.now, should_give_up=lambda: self.overdue, heartbeat=lambda: None
            ),
            observer=self,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
        )

    def keep_alive(self):
        pass

    def transaction_ended(self, outcome):
        self.ended.append(outcome)

    def find_committed(self, partitions):
        assert self.producing.renewed, "what is not ended yet has no answer"
        answer = self.committed.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {partition: answer for partition in partitions if answer is not None}

    def lose(self, *, after_seconds=0.0, fenced=False):
        def fail():
            self.now += after_seconds
            self.producing.is_fenced = fenced
            raise FatalClientError("the producer is lost")

        self.producing.at_commit = fail

    def skip(self):
        self.delivery.skip(NEXT, GROUP)

    def fail(self, said):
        headers = [] if said is None else [(EVENTS_PARTITION_HEADER, said)]
        self.delivery.fail(StoredRecord("jobs", 0, 7, headers_=headers), FAILED, NEXT, GROUP, reason="it is no chunk")
        return self.producing.produced


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


@pytest.mark.parametrize("committed", [8, 9])
def test_a_chunk_that_the_lost_producer_has_committed_is_done(scene, committed):
    scene.lose()
    scene.committed = [committed]
    scene.skip()
    assert scene.ended == ["committed"]
    assert scene.producing.renewed == 1


@pytest.mark.parametrize("committed", [None, 7])
def test_a_chunk_that_it_has_not_is_done_again(scene, committed):
    scene.lose()
    scene.committed = [committed]
    with pytest.raises(DeliveryError, match="has to be done again"):
        scene.skip()
    assert scene.ended == ["aborted"]


def test_the_group_is_asked_until_it_answers(scene):
    scene.lose()
    scene.committed = [Unavailable("not decided yet"), Unavailable("no answer"), 8]
    scene.skip()
    assert scene.committed == []


def test_a_stop_does_not_wait_for_its_answer(scene):
    scene.lose()
    scene.overdue = True
    scene.committed = [Unavailable("no answer")]
    with pytest.raises(StopOverdue):
        scene.skip()


@pytest.mark.parametrize("place", ["at_renewal", "committed"])
def test_where_the_answer_is_refused_only_a_new_start_can_tell(scene, place):
    """To go on would be to guess."""
    scene.lose()
    scene.committed = [Refused("not for you")]
    if place == "at_renewal":
        scene.producing.at_renewal = lambda: scene.find_committed([])
    with pytest.raises(FatalClientError, match="not for you"):
        scene.skip()


def test_a_producer_that_is_fenced_before_the_broker_can_have_given_it_up_has_a_living_rival(scene):
    scene.lose(after_seconds=9.9, fenced=True)
    with pytest.raises(FatalClientError):
        scene.skip()
    assert scene.producing.renewed == 0


def test_one_that_is_fenced_later_was_given_up_and_is_replaced(scene):
    scene.lose(after_seconds=10.0, fenced=True)
    scene.committed = [7]
    with pytest.raises(DeliveryError):
        scene.skip()
    assert scene.producing.renewed == 1


def test_producers_that_are_lost_one_after_the_other_are_the_end(scene):
    scene.lose()
    scene.committed = [7] * MOST_LOST_PRODUCERS
    for _ in range(MOST_LOST_PRODUCERS):
        with pytest.raises(DeliveryError):
            scene.skip()
    with pytest.raises(FatalClientError):
        scene.skip()


@pytest.mark.parametrize(
    ("said", "now", "expected"),
    [(b"2", 3, 2), (b"4", 5, 4), (b"4", 3, 1), (b"4", 0, 1)],
    ids=["known", "added", "nowhere", "hidden"],
)
def test_the_event_of_a_failed_chunk_lies_where_its_header_says_also_where_that_was_added(scene, said, now, expected):
    scene.partitions_now = now
    assert ("events", expected) in scene.fail(said)
    assert scene.producing.worn_out is (now == 5), "another producer knows the new partition"


@pytest.mark.parametrize("said", [None, b"", b"-1", b"two", b"9" * 5000])
def test_without_a_partition_there_is_a_dead_letter_and_no_event(scene, said):
    assert scene.fail(said) == [("letters", 0)]


def test_the_event_of_a_chunk_that_cannot_be_read_belongs_to_the_trace_of_its_record(tmp_path):
    trace = ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode())
    record = StoredRecord("jobs", 0, 7, headers_=[(EVENTS_PARTITION_HEADER, b"1"), trace])
    scene = Scene(tmp_path)
    scene.delivery.fail(record, FAILED, NEXT, GROUP, reason="it is no chunk")

    assert list(scene.producing.headers["events"]) == [trace]
    assert trace in scene.producing.headers["letters"]
