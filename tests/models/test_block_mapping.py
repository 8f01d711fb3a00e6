import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import ConfigError
from scoreline.models.block_mapping import read_block_mapping

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=200)
LONG = st.lists(st.sampled_from(["a", "it's", '"b"', "a: b", "# c", "- d", "é", "\n", "\\n", "{", "'"]), max_size=80)


@settings(max_examples=100, deadline=None)
@given(st.one_of(TEXTS, LONG.map(" ".join)))
def test_every_text_that_yaml_has_written_is_read_back(text):
    written = yaml.safe_dump({"outer": {"first": text, "then": "x"}, "last": text}, default_flow_style=False)
    found = read_block_mapping(written)
    assert found["outer", "first"] == text
    assert found[("last",)] == text
    assert found["outer", "then"] == "x"


def test_lists_are_skipped_and_what_follows_them_is_found():
    document = {"outer": {"list": [{"a": 1}, "b"], "text": "c"}, "none": None, "flag": True}
    found = read_block_mapping(yaml.safe_dump(document))
    assert (found["outer", "text"], found[("none",)], found[("flag",)]) == ("c", "null", "true")


@pytest.mark.parametrize("text", ["key: 'never ends\nother: 1", 'key: "never ends'])
def test_a_text_in_quotes_that_does_not_end_is_refused(text):
    with pytest.raises(ConfigError, match="does not end"):
        read_block_mapping(text)
