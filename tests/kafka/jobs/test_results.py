"""How results are read by their position, from a consumer that a test has written."""

import random

import pytest
from confluent_kafka import KafkaError

from scoreline.errors import ResultsGone, Unavailable
from scoreline.jobs.result import ResultPlace
from scoreline.jobs.wire import JobDecoder, encode_result
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.jobs.results import CLOSE_BY, KafkaResultReader
from scoreline.schemas.fixed import JOB_RESULT_ID
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing
from tests.kafka.jobs.scenes import make_chunks, make_order, make_result

PREFIX = b"\x00" + JOB_RESULT_ID.to_bytes(4, "big")


class Said:
    """A record, or what a consumer says in its place."""

    def __init__(self, partition, offset, value=b"", code=None):
        self._at = partition, offset
        self._value = value
        self._error = None if code is None else KafkaError(code)

    def __len__(self):
        return len(self._value)

    def partition(self):
        return self._at[0]

    def offset(self):
        return self._at[1]

    def value(self):
        return self._value

    def error(self):
        return self._error


class LogConsumer:
    """Reads dictionaries from offset to value, a partition at a time, as a client that fetches ahead does."""

    def __init__(self, logs, rng):
        self.logs = logs
        self.rng = rng
        self.positions = {}
        self.paused = set()
        self.assigned = []
        self.closed = False

    def incremental_assign(self, partitions):
        for p in partitions:
            self.positions[p.partition] = p.offset
            self.assigned.append((p.partition, p.offset))

    def incremental_unassign(self, partitions):
        for p in partitions:
            del self.positions[p.partition]

    def pause(self, partitions):
        self.paused |= {p.partition for p in partitions}

    def resume(self, partitions):
        self.paused -= {p.partition for p in partitions}

    def consume(self, most, timeout):
        running = [p for p in self.positions if p not in self.paused and self._ahead(p)]
        if not running:
            return []
        partition = self.rng.choice(running)
        offsets = self._ahead(partition)[: min(most, self.rng.randint(1, 20))]
        self.positions[partition] = offsets[-1] + 1
        return [Said(partition, offset, self.logs[partition][offset]) for offset in offsets]

    def get_watermark_offsets(self, partition, timeout):
        return 0, max(self.logs[partition.partition], default=-1) + 1

    def close(self):
        self.closed = True

    def _ahead(self, partition):
        return sorted(offset for offset in self.logs[partition] if offset >= self.positions[partition])


class Ticking:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.1
        return self.now


def make_world(tmp_path, rng, count, *, partitions=3):
    """Results of a job among those of others, each with the marker of its transaction behind it; and their places."""
    logs = {p: {} for p in range(partitions)}
    ends = dict.fromkeys(logs, 0)
    places = []
    chunks = make_chunks(make_order(), count)
    for chunk in rng.sample(chunks, count):
        partition = rng.randrange(partitions)
        ends[partition] += rng.choice([0, 0, 2, 2 * CLOSE_BY])
        offset = ends[partition]
        logs[partition][offset] = encode_result(make_result(chunk), PREFIX)
        ends[partition] += 2
        places.append(ResultPlace(chunk.number, chunk.first_row, chunk.rows, 0, partition, offset))
    return logs, sorted(places, key=lambda place: place.number)


def make_reader(consumer, tmp_path, **options):
    decoder = JobDecoder(FolderCatalog(tmp_path), Framing.CONFLUENT)
    watch = ClientWatch(None, clock=Ticking())
    return KafkaResultReader(consumer, "results", decoder, watch=watch, clock=Ticking(), **options)


@pytest.mark.parametrize("seed", range(8))
def test_results_come_in_the_order_of_their_chunks_however_they_lie(tmp_path, seed):
    rng = random.Random(seed)
    logs, places = make_world(tmp_path, rng, 200)
    reader = make_reader(LogConsumer(logs, rng), tmp_path)

    assert [result.number for result in reader.read(places)] == list(range(200))
    assert [result.number for result in reader.read(places[50:60])] == list(range(50, 60)), "and again"


def test_partitions_that_are_far_ahead_stand_still_until_they_are_wanted(tmp_path):
    """Two partitions in turn, and then all of one before all of the other."""
    rng = random.Random(1)
    chunks = make_chunks(make_order(), 400)
    logs = {
        p: {n % 200 * 2: encode_result(make_result(c), PREFIX) for n, c in enumerate(chunks) if n // 200 == p}
        for p in (0, 1)
    }
    places = [place for n in range(50) for place in (_place(chunks, 0, n), _place(chunks, 1, n))]
    places += [_place(chunks, 0, n) for n in range(50, 200)] + [_place(chunks, 1, n) for n in range(50, 200)]
    one = len(logs[0][0])
    consumer = LogConsumer(logs, rng)
    reader = make_reader(consumer, tmp_path, most_held_bytes=30 * one)
    held = []
    for result in reader.read(places):
        held.append(reader.held_bytes)
        assert result.rows == 2
    assert len(held) == 400
    assert max(held) <= 60 * one


def _place(chunks, partition, n):
    chunk = chunks[partition * 200 + n]
    return ResultPlace(chunk.number, chunk.first_row, chunk.rows, 0, partition, n * 2)


def test_a_partition_is_read_over_what_lies_close_by_and_sought_for_the_rest(tmp_path):
    chunks = make_chunks(make_order(), 3)
    offsets = [0, CLOSE_BY, 5 * CLOSE_BY]
    logs = {0: dict.fromkeys(range(6 * CLOSE_BY), b"of another job")}
    logs[0] |= {offset: encode_result(make_result(c), PREFIX) for offset, c in zip(offsets, chunks, strict=True)}
    consumer = LogConsumer(logs, random.Random(2))
    reader = make_reader(consumer, tmp_path)
    places = [
        ResultPlace(chunk.number, chunk.first_row, chunk.rows, 0, 0, offset)
        for offset, chunk in zip(offsets, chunks, strict=True)
    ]

    assert [result.number for result in reader.read(places)] == [0, 1, 2]
    assert consumer.assigned == [(0, 0), (0, 5 * CLOSE_BY)]


def test_a_partition_is_gone_only_for_whoever_misses_something_of_it(tmp_path):
    """Retention may overtake a partition of which everything wanted is there already."""
    chunks = make_chunks(make_order(), 3)
    first, second, third = (encode_result(make_result(chunk), PREFIX) for chunk in chunks)

    class Overtaken(LogConsumer):
        overtaken = False

        def consume(self, most, timeout):
            if 0 in self.positions and self.positions[0] > 5:
                self.overtaken = True
                return [Said(0, 6, code=KafkaError._AUTO_OFFSET_RESET)]
            return super().consume(most, timeout)

    consumer = Overtaken({0: {5: first}, 1: {9: second, 11: third}}, random.Random(6))
    reader = make_reader(consumer, tmp_path)
    places = [ResultPlace(0, 0, 2, 0, 0, 5), ResultPlace(1, 2, 2, 0, 1, 9), ResultPlace(2, 4, 2, 0, 1, 11)]
    assert [result.number for result in reader.read(places)] == [0, 1, 2]
    assert consumer.overtaken
    with pytest.raises(ResultsGone, match=r"results\[0\] does not have the offset 7"):
        list(reader.read([ResultPlace(3, 6, 2, 0, 0, 7)]))


def test_a_reader_that_rests_fetches_nothing(tmp_path):
    rng = random.Random(7)
    logs, places = make_world(tmp_path, rng, 20)
    consumer = LogConsumer(logs, rng)
    reader = make_reader(consumer, tmp_path)
    assert len(list(reader.read(places))) == 20
    assert consumer.positions
    reader.rest()
    assert not consumer.positions
    assert [result.number for result in reader.read(places[3:5])] == [3, 4]


def test_a_result_that_was_read_over_is_gone(tmp_path):
    rng = random.Random(3)
    logs, places = make_world(tmp_path, rng, 20, partitions=1)
    del logs[0][places[5].offset]
    with pytest.raises(ResultsGone, match=r"does not have the offset|it ends at"):
        list(make_reader(LogConsumer(logs, rng), tmp_path).read(places))


def test_another_result_in_its_place_is_none_of_the_job(tmp_path):
    rng = random.Random(4)
    logs, places = make_world(tmp_path, rng, 2, partitions=1)
    logs[0][places[0].offset] = logs[0][places[1].offset]
    with pytest.raises(ResultsGone, match="made anew"):
        list(make_reader(LogConsumer(logs, rng), tmp_path).read(places[:1]))


class Stepping:
    """A time that every poll of a consumer moves on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Busy(LogConsumer):
    """Nothing comes of partition 0, and records of other jobs of partition 1, without end."""

    def __init__(self, time):
        super().__init__({0: {}, 1: {}}, random.Random(5))
        self.time = time
        self.polls = 0

    def consume(self, most, timeout):
        if not timeout:
            return []
        self.polls += 1
        self.time.now += timeout
        return [Said(1, 100 + self.polls, b"of another job")]

    def get_watermark_offsets(self, partition, timeout):
        return 0, 1000


PLACES_OF_TWO = [ResultPlace(0, 0, 2, 0, 0, 5), ResultPlace(1, 2, 2, 0, 1, 9000)]


@pytest.mark.parametrize(("stopping", "seconds", "told"), [(False, 8.0, "hidden behind"), (True, 1.0, "is stopping")])
def test_what_does_not_come_is_waited_for_and_then_told_whatever_else_comes(tmp_path, stopping, seconds, told):
    time = Stepping()
    decoder = JobDecoder(FolderCatalog(tmp_path), Framing.CONFLUENT)
    watch = ClientWatch(None, clock=time)
    reader = KafkaResultReader(
        Busy(time), "results", decoder, watch=watch, clock=time, should_stop=lambda: stopping, quiet_seconds=8.0
    )
    with pytest.raises(Unavailable, match=told):
        list(reader.read(PLACES_OF_TWO))
    assert seconds <= time.now <= seconds + 0.3


def test_records_on_the_way_to_what_is_wanted_are_waited_for(tmp_path):
    """A broker that gives one record every few seconds gets there."""
    time = Stepping()
    chunks = make_chunks(make_order(), 2)
    first, second = (encode_result(make_result(chunk), PREFIX) for chunk in chunks)

    class Slow(LogConsumer):
        def consume(self, most, timeout):
            time.now += 5.0
            return super().consume(1, timeout)

    logs = {0: {5: first, 7: b"of another job", 8: b"of another job", 9: second}}
    places = [ResultPlace(0, 0, 2, 0, 0, 5), ResultPlace(1, 2, 2, 0, 0, 9)]
    decoder = JobDecoder(FolderCatalog(tmp_path), Framing.CONFLUENT)
    consumer = Slow(logs, random.Random(8))
    reader = KafkaResultReader(consumer, "results", decoder, watch=ClientWatch(None, clock=time), clock=time)
    assert [result.number for result in reader.read(places)] == [0, 1]
