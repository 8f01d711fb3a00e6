"""One Apache Kafka broker in KRaft mode as a child process: started, stopped, killed, frozen, restarted."""

import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from scoreline.errors import Unavailable
from scoreline.local.jars import Announce, KafkaRuntime, find_runtime
from scoreline.local.locks import LOCKED_PROTOCOLS, Locks, lock_properties
from scoreline.local.network import free_ports, is_free
from scoreline.local.process import GuardedProcess
from scoreline.local.properties import HOST, Ports, server_properties, write_properties
from scoreline.local.readiness import await_broker

__all__ = ["KafkaBroker", "await_broker"]

CLUSTER_ID = "c2NvcmVsaW5lLWxvY2FsMQ"
# No performance data: it would leave a folder in the machine's own temporary one.
JAVA_OPTIONS = ("-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
QUICK_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""One collector thread and the quick compiler: a third less time and half the processor until it serves; what it serves
later costs up to twice the processor."""
STOP_SECONDS = 20.0
FORMAT_SECONDS = 60.0
START_ATTEMPTS = 3


class KafkaBroker:
    """A broker on loopback; ends with this process, whatever ends it.

    Args:
        folder: for its data; None for a temporary one that `close` removes.
        port: for clients; None for a free one. It stays the same for every restart.
        controller_port: the same for controllers, which the other nodes of a cluster have to know.
        properties: of the broker, winning over ours.
        heap: the JVM's, in its notation.
        java_options: of the JVM; none for one that is to work for minutes under load.
        advertised_via: port of a proxy; adds a listener for it (`ports.behind_proxy`), whose clients are sent there.
        locks: adds listeners that ask who comes (`ports.locked`), and an authorizer; the first one stays open, and
            whoever comes through it may do everything.
        runtime: Java and jars; None for those of this user's cache, downloaded the first time.
        announce: told in words what takes long.
        ready_within_seconds: how long a start may take, downloads not counted.
    """

    def __init__(
        self,
        folder: Path | None = None,
        port: int | None = None,
        *,
        controller_port: int | None = None,
        properties: Mapping[str, str] | None = None,
        heap: str = "512m",
        java_options: Sequence[str] = QUICK_START,
        advertised_via: int | None = None,
        locks: Locks | None = None,
        runtime: KafkaRuntime | None = None,
        announce: Announce = lambda _: None,
        ready_within_seconds: float = 60.0,
    ) -> None:
        self._temporary = folder is None
        temporary_name = f"scoreline-kafka-{secrets.token_hex(6)}"
        self.folder = Path(tempfile.gettempdir(), temporary_name) if folder is None else folder.absolute()
        self._port = port
        self._controller_port = controller_port
        self._properties = {**(lock_properties(locks) if locks is not None else {}), **(properties or {})}
        self._locked_protocols = LOCKED_PROTOCOLS if locks is not None else ()
        self._heap = heap
        self._java_options = tuple(java_options)
        self._advertised_via = advertised_via
        self._runtime = runtime
        self._announce = announce
        self._ready_within_seconds = ready_within_seconds
        self._process: GuardedProcess | None = None
        self._has_answered = False
        self.ports = self._choose_ports()

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients."""
        return f"{HOST}:{self.ports.client}"

    @property
    def pid(self) -> int | None:
        """Of the JVM; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.running else None

    @property
    def running(self) -> bool:
        """Whether the JVM is there; a paused one is."""
        return self.pid is not None

    def start(self) -> Self:
        """Start and wait until clients are answered; data of an earlier run in the folder is kept.

        Raises:
            Unavailable: no Java or jars, the port is taken, or the broker died or took too long: its last words.
        """
        if self.running:
            return self
        if self._runtime is None:
            self._runtime = find_runtime(announce=self._announce)
        known_to_clients = self._port is not None or self._has_answered
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._start_once(self._runtime)
            except Unavailable:
                # Somebody may have been quicker to take a port that was free; one that clients know has to stay.
                if known_to_clients or attempt == START_ATTEMPTS or not self.lost_port():
                    raise
                self.ports = self._choose_ports()
            else:
                break
        return self

    def stop(self) -> None:
        """End it in order (SIGTERM, then SIGKILL); the data stays for a later `start`."""
        if self._process is not None:
            self._process.stop(STOP_SECONDS)

    def kill(self) -> None:
        """End it with kill -9; the data stays for a later `start`."""
        if self._process is not None:
            self._process.kill()

    def wait(self) -> int | None:
        """Wait until it ends by itself; its return code, None where it does not run."""
        return self._process.wait() if self._process is not None else None

    def restart(self) -> Self:
        """End it in order, start it on the same ports and data."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it; a temporary folder is removed, so there is nothing to end in order for."""
        if self._temporary:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self.stop()

    def last_words(self, lines: int = 20) -> str:
        """End of the broker's log."""
        log = self.folder / "broker.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"

    def lost_port(self) -> bool:
        """Whether it could not start because somebody else had taken one of its ports."""
        return "Address already in use" in self.last_words(lines=200)

    def _choose_ports(self) -> Ports:
        client, controller, behind_proxy, *rest = free_ports(3 + len(self._locked_protocols))
        return Ports(
            client=self._port or client,
            controller=self._controller_port or controller,
            behind_proxy=behind_proxy if self._advertised_via is not None else None,
            locked=dict(zip(self._locked_protocols, rest, strict=True)),
        )

    def _start_once(self, runtime: KafkaRuntime) -> None:
        if self._port is not None and not is_free(self._port):
            raise Unavailable(f"port {self._port} on {HOST} is taken: end what listens there, or choose another port")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        conf, log, data = (self.folder / name for name in ("server.properties", "broker.log", "data"))
        log.unlink(missing_ok=True)
        # A killed JVM leaves the native libraries that it has unpacked; here they go with the next start or the folder.
        scratch = self.folder / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        options = (*JAVA_OPTIONS, *self._java_options, f"-Djava.io.tmpdir={scratch}")
        write_properties(
            conf,
            server_properties(self.ports, data, advertised_via=self._advertised_via, overrides=self._properties),
        )
        if not (data / "meta.properties").exists():
            self._format(runtime, conf, options)
        self._process = GuardedProcess(
            runtime.command("kafka.Kafka", str(conf), options=(f"-Xmx{self._heap}", *options)),
            stdout=log,
            stderr=log,
            grace_seconds=0.0 if self._temporary else STOP_SECONDS,
            folder_to_remove=self.folder if self._temporary else None,
        )
        self._await_answer(self._process)

    def _format(self, runtime: KafkaRuntime, conf: Path, options: tuple[str, ...]) -> None:
        command = runtime.command(
            "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(conf), options=options
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_SECONDS, check=False)
        if done.returncode:
            raise Unavailable(f"Kafka cannot use {self.folder}: {(done.stderr or done.stdout).strip()[-2000:]}")

    def _await_answer(self, process: GuardedProcess) -> None:
        try:
            await_broker(
                self.bootstrap_servers,
                timeout_seconds=self._ready_within_seconds,
                is_running=lambda: process.running,
            )
        except Unavailable as error:
            code = process.return_code
            process.kill()
            ending = "" if code is None else f" (exit code {code})"
            raise Unavailable(f"{error}{ending}; its last words:\n{self.last_words()}") from error
        self._has_answered = True

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
