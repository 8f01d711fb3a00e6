"""Runs one command, and sees to it that the command never outlives the process that asked for it.

Executed as a script, with the standard library alone. Its standard input is a lifeline and a control channel: each
line is the number of a signal for the command; its end means that whoever held the other end is gone, however that
happened (a kill -9 included), and then the command is ended too. Only the guardian, which is the command's parent,
signals it, so no signal can reach a process that was given the same id later. It ends as the command has ended.

usage: guardian.py GRACE_SECONDS FOLDER_TO_REMOVE STDOUT STDERR COMMAND...   (empty: remove no folder)
"""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent goes; only Linux can, elsewhere the lifeline has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Guardian:
    """Stands between the lifeline and the command."""

    def __init__(self, command: subprocess.Popen[bytes], grace_seconds: float, folder: str) -> None:
        self._command = command
        self._grace_seconds = grace_seconds
        self._folder = folder
        self._abandoned = threading.Event()

    def guard(self) -> int:
        """Wait for the command; returns its return code, negative for the signal that ended it."""
        watcher = threading.Thread(target=self._obey, daemon=True)
        watcher.start()
        code = self._command.wait()
        if self._abandoned.is_set():
            watcher.join()
        return code

    def _obey(self) -> None:
        # Unbuffered: a buffered reader's lock would still be held when the interpreter ends.
        with open(0, "rb", buffering=0) as lifeline:
            for line in lifeline:
                self._command.send_signal(int(line))
        self._abandoned.set()
        if self._grace_seconds:
            self._command.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._command.wait(self._grace_seconds)
        self._command.kill()
        self._command.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def end_as(code: int) -> int:
    """Die of the signal that the command died of; returns the exit code where there was none."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def main(arguments: Sequence[str]) -> int:
    """Run the command; prints its process id first, or why it cannot be run after an exclamation mark."""
    grace_seconds, folder, stdout, stderr, *command_line = arguments
    with Path(stdout).open("ab") as out, Path(stderr).open("ab") as err:
        try:
            command = subprocess.Popen(
                command_line,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - there is no second thread yet
            )
        except OSError as error:
            sys.stdout.write(f"!{error}\n")
            return 127
    sys.stdout.write(f"{command.pid}\n")
    sys.stdout.flush()
    return end_as(Guardian(command, float(grace_seconds), folder).guard())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
