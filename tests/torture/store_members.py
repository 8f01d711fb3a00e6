"""Those who use a store at once, each a process of its own.

python -m tests.torture.store_members publish|read URL NAME SECONDS

Says `ready`, begins when a line comes in, and tells what it has done as lines of JSON. A reader that sees what may not
be ends with an error.
"""

import json
import sys
import time

from scoreline.errors import ConfigError, ModelNotFound
from scoreline.models.store import ModelStore
from tests.torture.store_versions import ALIAS, NAME, check_version, publish_version

DELETE_EVERY = 7
DELETE_BEHIND = 3


def tell(**facts):
    print(json.dumps(facts), flush=True)


def publish(store, name, until):
    """Publish one version after the other; now and then delete an old one of one's own."""
    mine = []
    while time.monotonic() < until or not mine:
        token = f"{name}-{len(mine)}"
        mine.append(publish_version(store, token))
        tell(token=token, version=mine[-1])
        if len(mine) % DELETE_EVERY == 0:
            delete(store, mine[-DELETE_BEHIND], by=name)


def delete(store, version, *, by):
    try:
        store.delete(NAME, version, by=by)
    except ConfigError:
        return  # the alias means it: the other publisher was slow
    tell(deleted=version)


def read(store, name, until):
    """Look at everything that is new, again and again."""
    checked, looks, meant = set(), 0, 0
    while time.monotonic() < until or not checked:
        for version in sorted(set(store.versions(NAME)) - checked):
            if is_there(store, lambda number=version: check_version(store, number), version):
                checked.add(version)
        if store.aliases(NAME):
            version = store.alias(NAME, ALIAS)
            if is_there(store, lambda number=version: store.manifest(NAME, number), version):
                meant += 1
        looks += 1
    tell(looks=looks, checked=len(checked), meant=meant)


def is_there(store, ask, version):
    """False where it was deleted meanwhile; then it is not to be seen any more either."""
    try:
        ask()
    except ModelNotFound:
        if version in store.versions(NAME):
            raise
        return False
    return True


def main():
    role, url, name, seconds = sys.argv[1:]
    store = ModelStore(url)
    store.names()  # the first look takes longest
    print("ready", flush=True)
    sys.stdin.readline()
    {"publish": publish, "read": read}[role](store, name, time.monotonic() + float(seconds))


if __name__ == "__main__":
    main()
