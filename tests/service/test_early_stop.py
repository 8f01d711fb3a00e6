"""SIGTERM during the start, at a moment when somebody else catches whatever is raised."""

import subprocess
import sys

import pytest

from scoreline.testing.service import ServiceProcess
from tests.torture.tiny import make_tiny

SWALLOW = """
import contextlib, os, signal, sys

def swallow():
    with contextlib.suppress(BaseException):
        os.kill(os.getpid(), signal.SIGTERM)
"""
IMPORTING = f"""{SWALLOW}
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "scoreline.cli.commands":
            swallow()

sys.meta_path.insert(0, Finder())
sys.argv = ["scoreline", "run"]
from scoreline.cli import main
main()
sys.exit(5)
"""
LOADING = f"""{SWALLOW}
from scoreline.service import process

class Parts(process.Parts):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        swallow()

process.Parts = Parts
from scoreline.cli import main
sys.exit(main())
"""


def test_a_stop_while_libraries_are_imported_ends_the_process_with_0_whoever_catches_exceptions():
    done = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
def test_a_stop_that_was_caught_while_the_model_was_loaded_ends_the_service_when_the_start_is_complete(tmp_path):
    tiny = make_tiny(tmp_path)
    command = [sys.executable, "-c", LOADING, "run"]
    with ServiceProcess(tiny.variables, tmp_path, roles=["http"], command=command) as service:
        assert service.process.wait(30) == 0, service.last_words()
        assert [e["event"] for e in service.logs()].count("service_stopped") == 2
