from pathlib import Path

from tests.longest import LONGEST


def test_every_file_is_there_and_named_once():
    root = Path(__file__).parents[1]
    assert [file for file in LONGEST if not (root / file).is_file()] == []
    assert len(set(LONGEST)) == len(LONGEST)
