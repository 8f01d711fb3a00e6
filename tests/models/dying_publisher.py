"""A program that publishes again and again, each time in a process that dies at a given step.

python -m tests.models.dying_publisher URL

For each line `STEP TOKEN` that comes in, a process is forked that publishes by that token, and kills itself with
SIGKILL right before its STEP-th step: a call that opens, links, makes, lists or removes a file of the store; writing
into one that has been made, which is empty then; or bringing it to the disk, where half of it is cut off first. What
comes out is the process's id, and after a line that lets it begin `killed` or `done`. Before all that no thread may run
here: it is forked.
"""

import os
import signal
import stat
import sys

from scoreline.models.store import ModelStore
from tests.torture.store_versions import publish_version

STEPS = {"open", "os.mkdir", "os.link", "os.remove", "os.rename", "os.listdir", "os.scandir"}


class Death:
    """Comes before the step of a number."""

    def __init__(self, folder, step):
        self._folder = folder
        self._left = step

    def audit(self, event, arguments):
        """Called by Python before it does what files are about."""
        path = str(arguments[0]) if event in STEPS else ""
        if not path.startswith(self._folder) or self._left <= 0:
            return
        self.come_nearer()
        if event == "open" and arguments[2] & os.O_CREAT:
            self.come_nearer(lambda: os.close(os.open(path, arguments[2])))

    def sync(self, descriptor, fsync=os.fsync):
        """In place of `os.fsync`: what is not on the disk yet may be there in part."""
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self.come_nearer(lambda: is_file and os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2))
        fsync(descriptor)

    def come_nearer(self, leave=lambda: None):
        """One step; `leave` does what it will have left behind where it is the last."""
        self._left -= 1
        if self._left == 0:
            leave()
            os.kill(os.getpid(), signal.SIGKILL)


def publish_until_death(url, step, token):
    death = Death(url, step)
    os.fsync = death.sync
    sys.addaudithook(death.audit)
    publish_version(ModelStore(url), token)


def main():
    (url,) = sys.argv[1:]
    for line in sys.stdin:
        begin, let_begin = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(begin, 1)
            step, token = line.split()
            publish_until_death(url, int(step), token)
            os._exit(0)
        print(child, flush=True)
        sys.stdin.readline()
        os.write(let_begin, b"!")
        _, status = os.waitpid(child, 0)
        os.close(begin)
        os.close(let_begin)
        print({0: "done", signal.SIGKILL: "killed"}.get(status, f"failed: {status}"), flush=True)


if __name__ == "__main__":
    main()
