from scoreline.observability.metrics.bounded import BoundedLabel, RecentChildren


def test_values_beyond_the_limit_are_called_other():
    label = BoundedLabel(2)
    assert [label.bound(v) for v in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


def test_the_child_that_was_used_longest_ago_makes_room():
    forgotten: list[str] = []
    children = RecentChildren(2, make=str.upper, forget=forgotten.append)
    assert [children.find(v) for v in ("a", "b", "a", "c")] == ["A", "B", "A", "C"]
    assert forgotten == ["b"]
