"""What a process has used so far: CPU seconds, by thread too, and memory."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
NANOSECONDS = 1e9


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, those that have ended among them; in steps of a tick."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def thread_seconds(pid: int) -> dict[int, float]:
    """CPU time of each thread that is there, by its id; to the nanosecond."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / NANOSECONDS
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended since the listing
    return found


def resident_mib(pid: int) -> float:
    """Resident memory of a process as it is now."""
    return _read_memory(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most resident memory that a process has had."""
    return _read_memory(pid, "VmHWM")


def _read_memory(pid: int, name: str) -> float:
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith(name))
    return int(line.split()[1]) / 1024
