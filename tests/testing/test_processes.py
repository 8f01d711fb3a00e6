import os
import subprocess

import pytest

from scoreline.testing.processes import ends, find_children, find_parent, is_frozen


def test_a_process_is_seen_below_its_parent_until_it_ends():
    with subprocess.Popen(["sleep", "60"]) as process:
        assert process.pid in find_children(os.getpid())
        assert find_parent(process.pid) == os.getpid()
        assert not is_frozen(process.pid)
        assert not ends(process.pid, within_seconds=0.01)
        process.kill()
        assert ends(process.pid)
    assert process.pid not in find_children(os.getpid())
    assert ends(process.pid)


def test_one_that_is_not_there_is_an_error_where_something_is_asked_of_it():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with pytest.raises(ProcessLookupError, match=f"no process {process.pid}"):
        find_parent(process.pid)
