from scoreline.observability.stats import Stats
from scoreline.observability.tee import ClientTee, RequestTee
from scoreline.records import TopicPartition
from tests.observability.batches import make_request


def test_each_of_several_observers_hears_of_the_client():
    one, other = Stats(), Stats()
    tee = ClientTee(one, other)
    tee.client_error("_TRANSPORT", "gone")
    tee.commit_answered({TopicPartition("features", 0): 1}, "ILLEGAL_GENERATION")
    for stats in (one, other):
        stream = stats.snapshot()["stream"]
        assert stream["client_errors"] == {"_TRANSPORT": 1}
        assert stream["commits"] == {"accepted": 0, "refused": 1}


def test_each_of_several_observers_hears_of_a_request():
    one, other = Stats(), Stats()
    RequestTee(one, other).request_served(make_request())
    assert [stats.snapshot()["http"]["requests"] for stats in (one, other)] == [1, 1]
