import pytest

from scoreline.models.names import is_selector


@pytest.mark.parametrize("text", ["1", "999999999", "latest", "production", "canary-2_b", "a" * 100])
def test_a_number_an_alias_or_latest_can_select(text):
    assert is_selector(text)


@pytest.mark.parametrize(
    "text", ["", "0", "01", "-1", "1" * 10, "Latest", "LATEST", "2b", "a.b", "../a", "ä", "a" * 101]
)
def test_nothing_else_can(text):
    assert not is_selector(text)
