"""What the kernel says about processes, for tests that have to leave none behind (Linux)."""

import os
import select
from pathlib import Path

PROC = Path("/proc")


def ends(pid: int, within_seconds: float = 10.0) -> bool:
    """Wait for a process, also one that is not our child; whether it has ended in time."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], within_seconds)[0])
    finally:
        os.close(watched)


def find_parent(pid: int) -> int:
    """Id of the process that this one is a child of.

    Raises:
        ProcessLookupError: there is no such process.
    """
    return int(read_status(pid)[1])


def is_frozen(pid: int) -> bool:
    """Whether it is stopped by a signal.

    Raises:
        ProcessLookupError: there is no such process.
    """
    return read_status(pid)[0] == "T"


def find_children(pid: int) -> list[int]:
    """Ids of the processes that are children of this one now."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = find_parent(int(entry.name))
            except ProcessLookupError:
                continue  # it has ended since the listing
            if parent == pid:
                found.append(int(entry.name))
    return found


def read_status(pid: int) -> list[str]:
    """State, parent and further fields of `/proc/<pid>/stat`, after the name.

    Raises:
        ProcessLookupError: there is no such process.
    """
    try:
        line = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(f"there is no process {pid}") from error
    return line.rsplit(")", 1)[1].split()
