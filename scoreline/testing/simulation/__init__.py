"""Several members against one in-memory broker, every fault between any two requests, all from a seed."""

from scoreline.testing.simulation.members import Make
from scoreline.testing.simulation.schedule import MODES, Mode, Report, run_schedule

__all__ = ["MODES", "Make", "Mode", "Report", "run_schedule"]
