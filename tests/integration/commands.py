"""Runs commands as people do, in a process of their own."""

import subprocess
import sys

from scoreline.config.environment import read_environment


def run_command(arguments, variables):
    """One command to its end, with nothing of our own configuration."""
    kept = {k: v for k, v in read_environment().items() if not k.startswith("SCORELINE_")}
    environment = {**kept, **{f"SCORELINE_{k}": v for k, v in variables.items()}}
    return subprocess.run(
        [sys.executable, "-m", "scoreline", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
