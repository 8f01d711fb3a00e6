import errno
import os
from pathlib import Path

import pytest

from scoreline.models.files import create_file, replace_file


def fail(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("write", [create_file, replace_file])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch, write):
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "blob", b"data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("write", "call"), [(create_file, "link"), (replace_file, "replace")])
def test_a_file_that_cannot_get_its_name_leaves_nothing_behind(tmp_path: Path, monkeypatch, write, call):
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "blob", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_as_it_is(tmp_path: Path, monkeypatch):
    replace_file(tmp_path / "blob", b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "blob", b"new")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]
    assert (tmp_path / "blob").read_bytes() == b"old"
