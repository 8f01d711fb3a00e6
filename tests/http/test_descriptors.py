"""Each in a process of its own: a limit that was lowered cannot be raised again."""

import subprocess
import sys

import pytest

ASK = """
import resource, sys
from scoreline.http.descriptors import find_room
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(find_room(wanted, more=0.25), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "room", "soft_then"),
    [(1024, 4096, 1024, 1536), (2000, 4096, 1024, 2000), (512, 1000, 595, 1000), (64, 64, 25, 64)],
)
def test_there_is_room_for_as_many_connections_as_the_descriptors_are_enough_for(soft, hard, room, soft_then):
    """The soft limit, which is 1,024 on most systems, is raised as far as it is needed and allowed."""
    command = [sys.executable, "-c", ASK, str(soft), str(hard), "1024"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [int(n) for n in said.split()] == [room, soft_then, hard]
