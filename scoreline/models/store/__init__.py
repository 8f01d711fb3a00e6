"""The store of versioned models: immutable files in a folder or an object store.

::

    <store>/<model>/blobs/<sha256>                 contents: written first
    <store>/<model>/versions/<n>.json              the manifest: written last, the commit
    <store>/<model>/versions/<n>.deleted.json      a tombstone: a number is never used twice
    <store>/<model>/aliases/<alias>/<seq>.json     what the alias means since then; the highest one counts

Every file is created once and never changed, so publishers and readers need no lock, no rename and no compare-and-swap:
who loses the race for a number takes the next one.
"""

from scoreline.models.store.aliases import AliasEntry
from scoreline.models.store.model_store import ModelStore
from scoreline.models.store.objects import ObjectStore
from scoreline.models.store.recalling import Outage, StoreObserver
from scoreline.models.store.remembered import RememberedStore

__all__ = ["AliasEntry", "ModelStore", "ObjectStore", "Outage", "RememberedStore", "StoreObserver"]
