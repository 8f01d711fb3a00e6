"""Runs scoreline's own commands as a user would: real processes, ended by their ids."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoreline.config.environment import read_environment
from scoreline.errors import Unavailable
from scoreline.local.process import GuardedProcess

STOP_SECONDS = 30.0


def find_free_port() -> int:
    """A port on loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Commands:
    """scoreline's commands with one environment and one folder; leaves no process behind when it is closed."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        kept = {k: v for k, v in read_environment().items() if not k.startswith("SCORELINE_")}
        self._environment = {**kept, **{f"SCORELINE_{name}": value for name, value in variables.items()}}
        self._running: list[tuple[str, GuardedProcess]] = []

    def run(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed.

        Raises:
            Unavailable: it failed; carries what it said.
        """
        done = subprocess.run(
            self._line(arguments), cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise Unavailable(f"`scoreline {' '.join(arguments)}` ended with {done.returncode}: {said}")
        return done.stdout.strip()

    def start(self, *arguments: str) -> GuardedProcess:
        """Start a command that keeps running; its output goes to `<command>.log` in the folder.

        It ends with this process, and the folder with it, even where that is killed with -9.
        """
        log = self.folder / f"{arguments[0]}.log"
        process = GuardedProcess(
            self._line(arguments),
            stdout=log,
            stderr=log,
            environment=self._environment,
            working_folder=self.folder,
            folder_to_remove=self.folder,
        )
        self._running.append((arguments[0], process))
        return process

    def await_answer(self, process: GuardedProcess, url: str, timeout_seconds: float) -> None:
        """Wait until `url` answers 200.

        Raises:
            Unavailable: the process ended first, or the time is up; carries the end of its log.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if not process.running:
                raise Unavailable(f"`{self._name(process)}` ended with {process.return_code}: {self._tail(process)}")
            try:
                with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a loopback address made here
                    return
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.1)
        raise Unavailable(f"{url} did not answer within {timeout_seconds:.0f} s: {self._tail(process)}")

    def stop(self) -> None:
        """End what was started, the last first, and wait for it."""
        while self._running:
            _, process = self._running.pop()
            process.stop(STOP_SECONDS)

    @staticmethod
    def _line(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "scoreline", *arguments]

    def _name(self, process: GuardedProcess) -> str:
        return next(name for name, p in self._running if p is process)

    def _tail(self, process: GuardedProcess) -> str:
        lines = (self.folder / f"{self._name(process)}.log").read_text("utf-8", "replace").splitlines()
        return " | ".join(lines[-5:])


def get_text(url: str) -> str:
    """What a loopback address answers with."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - a loopback address made by the caller
        text: bytes = answer.read()
        return text.decode("utf-8")


def get_json(url: str) -> Any:
    """What a loopback address answers with, read as JSON."""
    return json.loads(get_text(url))
