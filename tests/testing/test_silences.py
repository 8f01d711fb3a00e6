from scoreline.testing.silences import Silence, Silences


def listen(*heard):
    silences = Silences()
    for partition, now in heard:
        silences.heard(partition, now)
    return silences.noted


def test_a_gap_of_one_partition_is_noted_whatever_comes_from_others():
    noted = listen((0, 1.0), (1, 1.0), (0, 1.1), (0, 1.2), (0, 1.3), (1, 1.4))
    assert noted == [Silence(1, 1.0, 1.4)]


def test_short_gaps_are_not():
    assert not listen((0, 1.0), (0, 1.2), (0, 1.4))


def test_nothing_is_said_about_the_time_before_the_first_record():
    assert not listen((0, 100.0))
