"""Versions that cost next to nothing, for publishers that are many or die early, and what must hold of a store then."""

from scoreline.features import Feature
from scoreline.models.inspection import Output
from scoreline.models.manifest import GOLDEN, MODEL, Manifest
from scoreline.models.store import ModelStore

NAME = "flights"
ALIAS = "production"
BLOB_REPEATS = 4000


def publish_version(store: ModelStore, token: str) -> int:
    """What `publish` writes, in its order, but no model: blobs, manifest, alias; each by a token of its own."""
    contents = {MODEL: f"{token} is a model ".encode() * BLOB_REPEATS, GOLDEN: f"{token} is golden".encode()}
    manifest = Manifest(
        name=NAME,
        version=1,
        created=store.now(),
        by=token,
        format="lightgbm",
        blobs={role: store.add_blob(NAME, data) for role, data in contents.items()},
        output=Output.VALUE,
        objective="regression",
        features=(Feature("x"),),
    )
    version = store.add_version(manifest).version
    store.set_alias(NAME, ALIAS, version, by=token)
    return version


def check_version(store: ModelStore, version: int) -> Manifest:
    """A version that can be seen is whole: its manifest says what was published, and its blobs are what it says.

    Raises:
        ModelNotFound: it was deleted meanwhile.
        ModelRejected: it is not whole.
    """
    manifest = store.manifest(NAME, version)
    for blob in manifest.blobs.values():
        store.read_blob(NAME, blob)
    return manifest
