"""From a version in the store to a model that may serve: fetched, checked, probed, loaded, its golden rows scored."""

from scoreline.errors import ModelRejected
from scoreline.models.booster import LightGBMModel
from scoreline.models.cache import ModelCache
from scoreline.models.golden import Golden, decode_golden
from scoreline.models.manifest import GOLDEN, MODEL, Blob, Manifest
from scoreline.models.model import ModelVersion
from scoreline.models.model_text import read_header
from scoreline.models.store import ModelStore
from scoreline.models.verification import TIME_LIMIT_SECONDS, check_golden, golden_matrix, probe_model


class VersionLoader:
    """Loads versions of one store. Safe to call from several threads at once."""

    def __init__(
        self, store: ModelStore, cache: ModelCache, *, probe_limit_seconds: float = TIME_LIMIT_SECONDS
    ) -> None:
        self._store = store
        self._cache = cache
        self._probe_limit_seconds = probe_limit_seconds

    def load(self, name: str, version: int) -> ModelVersion:
        """Load a version, after a child process has survived it; a child is started only the first time here.

        Raises:
            ModelNotFound: the store has answered, and has no such version.
            ModelRejected: it may not serve; the message says why.
            Unavailable, Refused: the store or the cache folder is away or refuses.
        """
        return self._load(self._store.manifest(name, version), always_probe=False)

    def read(self, name: str, version: int) -> tuple[bytes, Golden]:
        """The model text and the golden rows of a version, from the cache where it has them; nothing is loaded.

        Raises:
            As `load`.
        """
        manifest = self._store.manifest(name, version)
        return self._fetch(name, manifest.blobs[MODEL], anew=False), self._read_golden(manifest, anew=False)

    def verify(self, name: str, version: int) -> Manifest:
        """Check everything that a version consists of anew, with a child process, and return its manifest.

        Raises:
            As `load`.
        """
        manifest = self._store.manifest(name, version)
        for role, blob in manifest.blobs.items():
            if role not in (MODEL, GOLDEN):
                self._store.read_blob(name, blob)
        self._load(manifest, always_probe=True)
        return manifest

    def _load(self, manifest: Manifest, *, always_probe: bool) -> ModelVersion:
        blob = manifest.blobs[MODEL]
        text = self._fetch(manifest.name, blob, anew=always_probe)
        features, classes = manifest.feature_set, manifest.classes
        named = tuple(read_header(text)["feature_names"].split(" "))
        if named != features.names:
            raise ModelRejected(f"the manifest's features are {list(features.names)}, but the model's {list(named)}")
        golden = self._read_golden(manifest, anew=always_probe)
        rows = golden_matrix(features, golden)
        if always_probe or not self._cache.was_probed(blob):
            scores = probe_model(text, features, classes, rows, time_limit_seconds=self._probe_limit_seconds)
            check_golden(golden, scores)
            self._cache.remember_probed(blob)
        model = LightGBMModel(text.decode(), features, classes)
        check_golden(golden, model.predict(rows))
        return ModelVersion(manifest.name, manifest.version, blob.sha256, model)

    def _read_golden(self, manifest: Manifest, *, anew: bool) -> Golden:
        if GOLDEN not in manifest.blobs:
            raise ModelRejected(f"the manifest of {manifest.name} {manifest.version} has no golden rows")
        data = self._fetch(manifest.name, manifest.blobs[GOLDEN], anew=anew)
        classes = manifest.classes
        outputs = len(classes) if classes is not None else 1
        return decode_golden(data, features=len(manifest.features), outputs=outputs, classes=classes is not None)

    def _fetch(self, name: str, blob: Blob, *, anew: bool) -> bytes:
        kept = None if anew else self._cache.find(blob)
        if kept is not None:
            return kept
        data = self._store.read_blob(name, blob)
        self._cache.keep(blob, data)
        return data
