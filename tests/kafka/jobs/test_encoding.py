"""How values of jobs get the ids that they are framed with."""

import threading

import pytest

from scoreline.errors import Unavailable
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing
from tests.kafka.jobs.scenes import make_chunks, make_order

NAMES = JobTopicNames("jobs", "jobs.bulk", "job-results", "job-events", "jobs.dead-letters")


class WatchedCatalog(FolderCatalog):
    """Notices two threads at once; the first lookup waits until the second thread may have come."""

    def __init__(self, path):
        super().__init__(path)
        self.entered = threading.Event()
        self.may_go_on = threading.Event()
        self.inside = 0
        self.most_inside = 0

    def id_of_output(self, subject, schema):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.set()
        self.may_go_on.wait(5)
        found = super().id_of_output(subject, schema)
        self.inside -= 1
        return found


def test_two_roles_that_look_at_once_do_so_one_after_the_other(tmp_path):
    """A catalog is for one thread."""
    catalog = WatchedCatalog(tmp_path)
    encoding = JobEncoding(catalog, Framing.CONFLUENT, NAMES)
    first, second = (threading.Thread(target=encoding.look) for _ in range(2))
    first.start()
    assert catalog.entered.wait(5)
    second.start()
    second.join(0.05)
    catalog.may_go_on.set()
    for thread in (first, second):
        thread.join(5)
    assert catalog.most_inside == 1


def test_nothing_is_encoded_before_the_ids_are_known_and_everything_after(tmp_path):
    encoding = JobEncoding(FolderCatalog(tmp_path), Framing.CONFLUENT, NAMES)
    (chunk,) = make_chunks(make_order(), 1)
    with pytest.raises(Unavailable, match="has not been asked yet"):
        encoding.encode_chunk(chunk, "jobs")
    encoding.look()
    decoder = JobDecoder(FolderCatalog(tmp_path), Framing.CONFLUENT)
    assert decoder.decode_chunk(encoding.encode_chunk(chunk, "jobs.bulk")) == chunk
