"""From a version in the store to a model that may serve: fetched, checked, probed, loaded, its golden rows scored."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from scoreline.errors import ModelRejected
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.models.baseline.encoding import decode_baseline
from scoreline.models.baseline.loading import check_baseline
from scoreline.models.cache import ModelCache
from scoreline.models.formats.faults import named_faults
from scoreline.models.formats.known import KnownFormats
from scoreline.models.formats.model_format import ModelFormat
from scoreline.models.golden import Golden, decode_golden
from scoreline.models.manifest import BASELINE, GOLDEN, MODEL, Blob, Manifest
from scoreline.models.model import Model, ModelVersion, find_shape_problem
from scoreline.models.store import ModelStore
from scoreline.models.verification import TIME_LIMIT_SECONDS, check_golden, golden_matrix, probe_model


class SharedFeatures:
    """Gives versions with equal features one object for them: what is planned for the one then serves the other."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[tuple[Feature, ...], FeatureSet] = weakref.WeakValueDictionary()

    def share(self, features: FeatureSet) -> FeatureSet:
        """The object that stands for these features; safe between threads."""
        return self._known.setdefault(features.features, features)


class VersionLoader:
    """Loads versions of one store. Safe to call from several threads at once."""

    def __init__(
        self,
        store: ModelStore,
        cache: ModelCache,
        *,
        formats: KnownFormats | None = None,
        shared: SharedFeatures | None = None,
        probe_limit_seconds: float = TIME_LIMIT_SECONDS,
        behind: bool = False,
    ) -> None:
        """Name where versions come from.

        Args:
            formats: that a manifest may name; None for LightGBM's and those that installed packages register. A child
                process knows the installed ones only.
            shared: between loaders whose versions may score one batch.
            probe_limit_seconds: how long a child process may take to load a version and score its golden rows.
            behind: whether that child goes behind everything else on this machine, because something serves already.
        """
        self._store = store
        self._cache = cache
        self._formats = formats or KnownFormats()
        self._shared = shared or SharedFeatures()
        self._probe_limit_seconds = probe_limit_seconds
        self._behind = behind

    def load(self, name: str, version: int) -> ModelVersion:
        """Load a version, after a child process has survived it; a child is started only the first time here.

        Raises:
            ModelNotFound: the store has answered, and has no such version.
            ModelRejected: it may not serve; the message says why.
            Unavailable, Refused: the store or the cache folder is away or refuses.
        """
        with _named(name, version):
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
        with _named(name, version):
            manifest = self._store.manifest(name, version)
            for role, blob in manifest.blobs.items():
                if role not in (MODEL, GOLDEN):
                    data = self._store.read_blob(name, blob)
                    if role == BASELINE:
                        check_baseline(decode_baseline(data), manifest)
            self._load(manifest, always_probe=True)
            return manifest

    def _load(self, manifest: Manifest, *, always_probe: bool) -> ModelVersion:
        model_format = self._formats.find(manifest.format)
        runtime = model_format.runtime
        blob = manifest.blobs[MODEL]
        artifact = self._fetch(manifest.name, blob, anew=always_probe)
        features, classes = manifest.feature_set, manifest.classes
        golden = self._read_golden(manifest, anew=always_probe)
        rows = golden_matrix(features, golden)
        if always_probe or not self._cache.was_probed(blob, features, runtime):
            limit = self._probe_limit_seconds
            given = model_format, artifact, features, classes, rows
            scores = probe_model(*given, time_limit_seconds=limit, behind=self._behind)
            check_golden(golden, scores)
            self._cache.remember_probed(blob, features, runtime)
        features = self._shared.share(features)
        model = _load_proved(model_format, artifact, features, classes, golden, rows)
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


def _load_proved(
    model_format: ModelFormat,
    artifact: bytes,
    features: FeatureSet,
    classes: tuple[str, ...] | None,
    golden: Golden,
    rows: Matrix,
) -> Model:
    """Load what a child process has survived, and score the golden rows once more: this also warms the model up."""
    with named_faults(model_format.runtime, "load and score the model"):
        model = model_format.load(artifact, features, classes)
        scores = model.predict(rows)
    problem = find_shape_problem(scores, len(rows), classes)
    if problem is not None:
        raise ModelRejected(problem)
    check_golden(golden, scores)
    return model


@contextmanager
def _named(name: str, version: int) -> Iterator[None]:
    """Whoever reads why a version is rejected has asked for an alias, and has to learn which version that was."""
    try:
        yield
    except ModelRejected as error:
        raise ModelRejected(f"{name} {version} may not serve: {error}") from error
