"""A child process under a guardian: it can be signalled, waited for, and never outlives us."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from scoreline.errors import Unavailable

GUARDIAN = Path(__file__).with_name("guardian.py")


class GuardedProcess:
    """A running command; ended when this process ends, even by kill -9.

    Args:
        command: program and arguments.
        stdout, stderr: files that its output is appended to; they may be the same.
        environment: of the command, None for ours.
        working_folder: of the command, None for ours.
        grace_seconds: from SIGTERM to SIGKILL when we are gone; 0 kills at once.
        folder_to_remove: removed when we are gone and the command has ended; None keeps everything.

    Raises:
        Unavailable: the command cannot be run.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdout: Path,
        stderr: Path,
        environment: Mapping[str, str] | None = None,
        working_folder: Path | None = None,
        grace_seconds: float = 0.0,
        folder_to_remove: Path | None = None,
    ) -> None:
        self._guardian = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(GUARDIAN)),
                *(str(grace_seconds), str(folder_to_remove or ""), str(stdout.absolute()), str(stderr.absolute())),
                *command,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=working_folder,
            text=True,
            # Its own session: a Ctrl-C on the terminal is for us, and we decide what to end and in which order.
            start_new_session=True,
        )
        assert self._guardian.stdout is not None  # noqa: S101 - it was asked for above
        with self._guardian.stdout as answer:
            first = answer.readline().strip()
        if not first.isdigit():
            self._reap()
            raise Unavailable(f"{command[0]} cannot be run: {first.removeprefix('!') or 'its guardian died'}")
        self.pid = int(first)

    @property
    def return_code(self) -> int | None:
        """None while it runs, negative for the signal that ended it."""
        code = self._guardian.poll()
        if code is not None:
            self._reap()
        return code

    @property
    def running(self) -> bool:
        """Whether it has not ended; a frozen process runs."""
        return self.return_code is None

    def send_signal(self, number: signal.Signals) -> None:
        """Have the guardian signal the command; nothing happens when it has ended."""
        if self._guardian.stdin is None or self._guardian.stdin.closed:
            return
        try:
            self._guardian.stdin.write(f"{int(number)}\n")
            self._guardian.stdin.flush()
        except BrokenPipeError:
            self._guardian.wait()

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """The return code, or None when it still runs after the time; without a time, for as long as it takes."""
        try:
            self._guardian.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None
        return self.return_code

    def stop(self, timeout_seconds: float) -> int:
        """SIGTERM, and SIGKILL when it has not ended in time; wakes a frozen process up first."""
        self.send_signal(signal.SIGTERM)
        self.send_signal(signal.SIGCONT)
        code = self.wait(timeout_seconds)
        return self.kill() if code is None else code

    def kill(self) -> int:
        """SIGKILL, and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        code = self._guardian.wait()
        self._reap()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _reap(self) -> None:
        self._guardian.wait()
        if self._guardian.stdin is not None and not self._guardian.stdin.closed:
            try:
                self._guardian.stdin.close()
            except BrokenPipeError:  # what was still to be written is for a process that is gone
                return
