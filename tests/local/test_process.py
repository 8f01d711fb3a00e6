import os
import signal
import subprocess
import sys

import pytest

from scoreline.errors import Unavailable
from scoreline.local.process import GuardedProcess
from scoreline.testing.processes import ends, find_parent, is_frozen


def guarded(folder, *command, **more):
    return GuardedProcess(command, stdout=folder / "out", stderr=folder / "err", **more)


def test_it_ends_as_its_command_ends(tmp_path):
    with guarded(tmp_path, "sh", "-c", "echo said; echo cried >&2; exit 7") as process:
        assert process.wait(10) == 7
    assert ((tmp_path / "out").read_text(), (tmp_path / "err").read_text()) == ("said\n", "cried\n")


def test_it_tells_which_signal_ended_the_command(tmp_path):
    with guarded(tmp_path, "sleep", "60") as process:
        assert process.running
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
        assert not process.running


def test_a_signal_after_the_end_goes_nowhere(tmp_path):
    with guarded(tmp_path, "true") as process:
        assert process.wait(10) == 0
        process.send_signal(signal.SIGKILL)
        assert process.kill() == 0
        assert process.return_code == 0


def test_waiting_for_one_that_runs_gives_up(tmp_path):
    with guarded(tmp_path, "sleep", "60") as process:
        assert process.wait(0.02) is None


def test_stop_kills_one_that_does_not_listen(tmp_path):
    with guarded(tmp_path, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done") as process:
        while not (tmp_path / "out").read_text():
            assert process.wait(0.01) is None
        assert process.stop(0.1) == -signal.SIGKILL


def test_a_frozen_one_runs_and_can_be_stopped(tmp_path):
    with guarded(tmp_path, "sleep", "60") as process:
        process.send_signal(signal.SIGSTOP)
        while not is_frozen(process.pid):
            assert process.wait(0.01) is None
        assert process.running
        assert process.stop(10) == -signal.SIGTERM


def test_a_command_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Unavailable, match=r"no-such-program cannot be run: .*No such file"):
        guarded(tmp_path, "no-such-program")


def test_it_has_the_environment_and_the_folder_that_it_is_given(tmp_path):
    with guarded(tmp_path, "/bin/sh", "-c", "pwd; echo $WORD", environment={"WORD": "x"}, working_folder=tmp_path) as p:
        assert p.wait(10) == 0
    assert (tmp_path / "out").read_text() == f"{tmp_path}\nx\n"


def test_a_ctrl_c_on_our_terminal_does_not_reach_it(tmp_path):
    with guarded(tmp_path, "sleep", "60") as process:
        assert os.getsid(process.pid) != os.getsid(0)


OWNER = """
import pathlib, sys
from scoreline.local.process import GuardedProcess
folder = pathlib.Path(sys.argv[1])
held = folder / "held"
held.mkdir()
process = GuardedProcess(["sleep", "60"], stdout=held / "out", stderr=held / "err", folder_to_remove=held)
print(process.pid, flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_does_not_outlive_its_owner_and_its_folder_goes_too(tmp_path, number):
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes) as owner:
        pid = int(owner.stdout.readline())
        guardian = find_parent(pid)
        owner.send_signal(number)
    assert ends(pid)
    assert ends(guardian)
    assert not (tmp_path / "held").exists()


@pytest.mark.slow
def test_it_does_not_outlive_its_guardian(tmp_path):
    with guarded(tmp_path, "sleep", "60") as process:
        guardian = find_parent(process.pid)
        os.kill(guardian, signal.SIGKILL)
        assert ends(process.pid)
