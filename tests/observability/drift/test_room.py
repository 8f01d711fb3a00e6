"""One bound for all that waits."""

from scoreline.observability.drift.room import Room


def test_no_more_is_taken_than_is_there_until_some_is_given_back():
    room = Room(10)

    assert [room.take(size) for size in (6, 5, 4, 1)] == [True, False, True, False]
    room.give_back(6)
    assert room.take(6)
