"""What a whole process is told before its roles begin."""

import sys

import pytest

from scoreline.service.process import LOCK_SECONDS
from scoreline.testing.service import ServiceProcess
from tests.torture.tiny import make_tiny

LOOKING = """
import logging, os, signal, sys

class Look(logging.Handler):
    def emit(self, record):
        if getattr(record, "event", None) == "service_started":
            print(sys.getswitchinterval(), file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGTERM)

logging.getLogger("scoreline.service").addHandler(Look())
from scoreline.cli import main
sys.exit(main())
"""
PYTHONS_OWN_SECONDS = 0.005


@pytest.mark.slow
def test_a_role_runs_with_an_interpreter_that_makes_way_sooner_than_python_would(tmp_path):
    tiny = make_tiny(tmp_path)
    command = [sys.executable, "-c", LOOKING, "run"]
    with ServiceProcess(tiny.variables, tmp_path, roles=["http"], command=command) as service:
        assert service.process.wait(30) == 0, service.last_words()
    assert float((tmp_path / "service.err").read_text()) == pytest.approx(LOCK_SECONDS)
    assert LOCK_SECONDS < PYTHONS_OWN_SECONDS
