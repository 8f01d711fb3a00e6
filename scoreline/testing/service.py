"""The service as users run it: a process of its own, that a test may end, kill, freeze and start again."""

import http.client
import json
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scoreline.config.environment import PREFIX, read_environment
from scoreline.errors import Unavailable
from scoreline.local.network import free_ports
from scoreline.local.process import GuardedProcess
from scoreline.local.properties import HOST

SERVICE = (sys.executable, "-m", "scoreline", "run")
READY_SECONDS = 30.0
STOP_SECONDS = 40.0
ASK_AGAIN_SECONDS = 0.05
ANSWER_SECONDS = 5.0


class ServiceProcess:
    """`scoreline run` with an environment of its own; never outlives the test run.

    Args:
        variables: configuration, names without the prefix; nothing of our own environment's `SCORELINE_` gets through.
        folder: where it runs, and its output goes: `<name>.jsonl` and `<name>.err`.
        roles: None for the default.
        name: of this instance.
        command: what runs the service; the roles are added to it.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        folder: Path,
        *,
        roles: Sequence[str] = (),
        name: str = "service",
        command: Sequence[str] = SERVICE,
    ) -> None:
        self.port = int(variables.get("HTTP_PORT") or free_ports(1)[0])
        kept = {name: value for name, value in read_environment().items() if not name.startswith(PREFIX)}
        ours = {"HTTP_PORT": str(self.port), **variables}
        self._environment = {**kept, **{f"{PREFIX}{name}": value for name, value in ours.items()}}
        self._command = [*command, *(f"--role={role}" for role in roles)]
        self._folder = folder
        self._stdout, self._stderr = folder / f"{name}.jsonl", folder / f"{name}.err"
        self._process: GuardedProcess | None = None

    @property
    def url(self) -> str:
        """Of the sidecar."""
        return f"http://{HOST}:{self.port}"

    @property
    def process(self) -> GuardedProcess:
        """The process of the last start.

        Raises:
            RuntimeError: it was never started.
        """
        if self._process is None:
            raise RuntimeError("the service was never started")
        return self._process

    @property
    def pid(self) -> int:
        """Of the process of the last start."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it is there; a frozen one is."""
        return self._process is not None and self._process.running

    def start(self) -> Self:
        """Start it, again with the same port and environment; does not wait for anything."""
        if not self.running:
            self._process = GuardedProcess(
                self._command,
                stdout=self._stdout,
                stderr=self._stderr,
                environment=self._environment,
                working_folder=self._folder,
            )
        return self

    def await_ready(self, within_seconds: float = READY_SECONDS, *, role: str | None = None) -> Self:
        """Wait until it says that it is ready.

        Args:
            role: only this one; None for all.

        Raises:
            Unavailable: it ended, or is not ready in time; carries what it said.
        """
        deadline = time.monotonic() + within_seconds
        path = "/health/ready" + (f"?role={role}" if role else "")
        while (status := self.ask(path)) != http.client.OK:
            code = self.process.wait(ASK_AGAIN_SECONDS)
            if code is not None:
                raise Unavailable(f"the service ended with {code}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"the service is not ready (status {status}):\n{self.last_words()}")
        return self

    def ask(self, path: str) -> int | None:
        """Status that the sidecar answers a GET with; None where nothing answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - loopback
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except (OSError, http.client.HTTPException):
            return None  # not there, or not yet: that is the answer

    def terminate(self, within_seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, and wait.

        Returns:
            The exit code.

        Raises:
            Unavailable: it had to be killed.
        """
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(within_seconds)
        if code is None:
            self.process.kill()
            raise Unavailable(f"the service did not end within {within_seconds} s of SIGTERM:\n{self.last_words()}")
        return code

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()

    def freeze(self) -> None:
        """SIGSTOP: it stays a member of its group until others notice."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on as if nothing had happened."""
        self.process.send_signal(signal.SIGCONT)

    def logs(self, event: str | None = None) -> list[dict[str, Any]]:
        """What it has logged so far, over all starts.

        Args:
            event: only entries of this event.
        """
        text = self._stdout.read_text(errors="replace") if self._stdout.exists() else ""
        complete = text[: text.rfind("\n") + 1].splitlines()
        entries = [json.loads(line) for line in complete if line.startswith("{")]
        return [entry for entry in entries if event is None or entry.get("event") == event]

    def last_words(self, lines: int = 15) -> str:
        """The end of what it wrote, stdout before stderr."""
        texts = [p.read_text(errors="replace").splitlines() for p in (self._stdout, self._stderr) if p.exists()]
        return "\n".join(line for text in texts for line in text[-lines:]) or "(nothing)"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
