"""A publisher that is killed with -9 at every step leaves a store that is whole, and the next one goes on."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from scoreline.models.files import is_temporary
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.testing.s3_server import Moment
from tests.torture.store_versions import ALIAS, NAME, check_version, publish_version

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MOST_STEPS = 200
NEVER = 10**6
FILES_OF_A_PUBLICATION = 4  # two blobs, the manifest, the entry of the alias


class Publishers:
    """Publications by processes that die."""

    def __init__(self, program):
        self._program = program

    def publish(self, token, *, step=NEVER, prepare=lambda child: None):
        """Publish, and die before a step; `prepare` is told who will. True for one that has survived."""
        self._say(f"{step} {token}")
        prepare(int(self._program.stdout.readline()))
        self._say("go")
        end = self._program.stdout.readline().strip()
        assert end in ("done", "killed"), end
        return end == "done"

    def _say(self, line):
        self._program.stdin.write(f"{line}\n")
        self._program.stdin.flush()


@contextmanager
def dying_publishers(url):
    command = [sys.executable, "-m", "tests.models.dying_publisher", url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        yield Publishers(program)
        program.stdin.close()


class Checks:
    """What must hold after each death; what was found whole once is not looked at again before the end."""

    def __init__(self, store):
        self._store = store
        self._checked = 0

    def check_whole(self):
        """Every version that can be seen is whole, none is left out, and the alias means one of them."""
        versions = self._store.versions(NAME)
        assert versions == tuple(range(1, len(versions) + 1))
        for version in versions[self._checked :]:
            check_version(self._store, version)
        self._checked = len(versions)
        assert self._store.aliases(NAME).get(ALIAS, Route.to(1)).only in (*versions, 1)

    def check_goes_on(self, token):
        """The next publication takes the next number, and its alias is set."""
        self.check_whole()
        version = publish_version(self._store, token)
        assert version == self._checked + 1
        assert self._store.alias(NAME, ALIAS).only == version
        assert check_version(self._store, version).by == token

    def check_history(self):
        """Everything once more, and each entry of the alias."""
        self._checked = 0
        self.check_whole()
        history = self._store.history(NAME, ALIAS)
        assert [entry.sequence for entry in history] == list(range(1, len(history) + 1))
        assert all(check_version(self._store, entry.route.only).by == entry.by for entry in history)


def find_leftovers(folder):
    """Files that readers ignore: temporaries. Any other is a blob, a version or an entry by its name."""
    files = [path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()]
    known = re.compile(rf"{NAME}/(blobs/[0-9a-f]{{64}}|versions/\d+\.json|aliases/{ALIAS}/\d+\.json)")
    others = [file for file in files if not known.fullmatch(file)]
    assert all(is_temporary(file.rpartition("/")[2]) for file in others)
    return others


def test_on_a_folder_no_step_leaves_anything_half_done(tmp_path):
    store = ModelStore(str(tmp_path / "store"))
    checks, leftovers = Checks(store), set()
    with dying_publishers(store.url) as publishers:
        for step in range(1, MOST_STEPS):
            survived = publishers.publish(f"p-{step}", step=step)
            leftovers.update(find_leftovers(store.url))
            checks.check_goes_on(f"after-{step}")
            if survived:
                break
    assert survived
    assert (
        step > 5 * FILES_OF_A_PUBLICATION
    )  # each is opened, synced, linked, its other name removed, its folder synced
    assert leftovers  # some have died with a file half written
    checks.check_history()


@pytest.mark.parametrize("moment", Moment)
def test_on_s3_no_request_leaves_anything_half_done(s3, moment):
    """Killed when half of a request has arrived, or when it has taken effect and its answer is still to come."""
    checks = Checks(ModelStore(s3.url))
    with dying_publishers(s3.url) as publishers:
        for number in range(1, MOST_STEPS):
            s3.server.interfere, prepare = kill_at(number, moment)
            survived = publishers.publish(f"p-{number}", prepare=prepare)
            s3.server.stop_interfering()
            checks.check_goes_on(f"after-{number}")
            if survived:
                break
    assert survived
    assert number > FILES_OF_A_PUBLICATION
    checks.check_history()


def kill_at(number, moment):
    """What kills at a request of a number, and what tells it whom."""
    children, served = [], []

    def interfere(call, at):
        if at is moment:
            served.append(call)
            if len(served) == number:
                os.kill(children[0], signal.SIGKILL)

    return interfere, children.append


def test_a_publisher_that_publishes_again_uses_the_blobs_of_the_one_that_was_killed(tmp_path):
    store = ModelStore(str(tmp_path / "store"))
    with dying_publishers(store.url) as publishers:
        assert not publishers.publish("same", step=20)
        blobs = {path.name for path in Path(store.url, NAME, "blobs").iterdir() if not is_temporary(path.name)}
        assert publishers.publish("same")
    used = {blob.sha256 for blob in check_version(store, 1).blobs.values()}
    assert used & blobs
