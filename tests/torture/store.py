"""Two publishers and ten readers at once on one store, in processes of their own.

python -m tests.torture.store --store folder|s3 [--seconds 30] [--publishers 2] [--readers 10]

Prints what came of it; exits 1 where a promise of the store was broken.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scoreline.models.store import ModelStore
from scoreline.testing.s3_server import make_environment
from tests.torture.store_versions import ALIAS, NAME, check_version

PATIENCE_SECONDS = 60.0
BUCKET = "torture"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOutcome:
    """What the members of a run have told, and what is in the store at its end.

    Attributes:
        published: tokens by version, as publishers were told.
        twice: versions that more than one publisher was told.
        deleted: versions that a publisher has deleted.
        looks: of all readers.
        checked: manifests with their blobs that readers have seen whole.
        failures: last words of members that failed.
        stored: tokens by version that is in the store.
        history: of the alias: sequence, version, token.
    """

    published: dict[int, str]
    twice: list[int]
    deleted: set[int]
    looks: int
    checked: int
    failures: list[str]
    stored: dict[int, str]
    history: list[tuple[int, int, str]]

    def find_violations(self) -> list[str]:
        """What is not as it is promised, each in a sentence."""
        numbers = sorted(self.published)
        left = {version: token for version, token in self.published.items() if version not in self.deleted}
        changes = Counter((version, token) for version, token in self.published.items())
        broken = {
            "numbers were given twice": self.twice,
            "numbers were left out": sorted(set(range(1, len(numbers) + 1)) ^ set(numbers)),
            "versions are lost, or are somebody else's": sorted(set(left.items()) ^ set(self.stored.items())),
            "the history of the alias has gaps": sorted(
                {sequence for sequence, _, _ in self.history} ^ set(range(1, len(self.history) + 1))
            ),
            "changes of the alias are not in its history once": sorted(
                (changes - Counter((v, t) for _, v, t in self.history)).elements()
            )
            + sorted((Counter((v, t) for _, v, t in self.history) - changes).elements()),
            "members failed": self.failures,
            "nothing was published, deleted or seen": [] if numbers and self.checked else [self.looks],
        }
        return [f"{what}: {each[:10]}" for what, each in broken.items() if each]

    def describe(self) -> str:
        """One line of figures."""
        return (
            f"{len(self.published)} versions published and as often the alias moved, {len(self.deleted)} deleted; "
            f"{self.looks} looks of readers, {self.checked} manifests seen and whole with their blobs"
        )


def run_store_torture(url, *, seconds, publishers=2, readers=10):
    """Let them all at it, and judge what is left."""
    roles = [("publish", f"p{n}") for n in range(publishers)] + [("read", f"r{n}") for n in range(readers)]
    members = [_start(role, url, name, seconds) for role, name in roles]
    try:
        for member in members:
            assert member.stdout.readline() == "ready\n", member.communicate()[1]
        with ThreadPoolExecutor(len(members)) as pool:  # a pipe that nobody reads would hold a member up
            ends = list(
                pool.map(lambda member: member.communicate("go\n", timeout=seconds + PATIENCE_SECONDS), members)
            )
    finally:
        for member in members:
            member.kill()
            member.wait()
    told = [json.loads(line) for out, _ in ends for line in out.splitlines()]
    published = Counter(fact["version"] for fact in told if "version" in fact)
    store = ModelStore(url)
    return StoreOutcome(
        published={fact["version"]: fact["token"] for fact in told if "version" in fact},
        twice=[version for version, times in published.items() if times > 1],
        deleted={fact["deleted"] for fact in told if "deleted" in fact},
        looks=sum(fact.get("looks", 0) for fact in told),
        checked=sum(fact.get("checked", 0) for fact in told),
        failures=[
            f"{role} {name}: {error.strip().rpartition(chr(10))[2]}"
            for (role, name), member, (_, error) in zip(roles, members, ends, strict=True)
            if member.returncode
        ],
        stored={version: check_version(store, version).by for version in store.versions(NAME)},
        history=[(entry.sequence, entry.route.only, entry.by) for entry in store.history(NAME, ALIAS)],
    )


def _start(role, url, name, seconds):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.torture.store_members", role, url, name, str(seconds)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def s3_process():
    """An S3 in a process of its own, which this process and its children ask meanwhile; gives a store's URL in it."""
    command = [sys.executable, "-m", "scoreline.testing.s3_server", BUCKET]
    with (
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        try:
            for variable, value in make_environment(server.stdout.readline().strip()).items():
                patch.setenv(variable, value)
            yield f"s3://{BUCKET}/models"
        finally:
            server.stdin.close()  # it ends by itself
            server.wait(PATIENCE_SECONDS)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.torture.store", description="Many at one store.")
    parser.add_argument("--store", choices=["folder", "s3"], default="folder")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--publishers", type=int, default=2)
    parser.add_argument("--readers", type=int, default=10)
    asked = parser.parse_args()
    crowd = {"seconds": asked.seconds, "publishers": asked.publishers, "readers": asked.readers}
    if asked.store == "folder":
        with tempfile.TemporaryDirectory(prefix="scoreline-store-") as folder:
            outcome = run_store_torture(f"{folder}/store", **crowd)
    else:
        with s3_process() as url:
            outcome = run_store_torture(url, **crowd)
    violations = outcome.find_violations()
    print(outcome.describe(), *(f"VIOLATION: {each}" for each in violations), sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
