"""Loads the baseline of a version, for whoever watches it; nothing that serves waits for it or depends on it."""

from scoreline.errors import ModelRejected
from scoreline.features import Kind
from scoreline.models.baseline.axes import MOST_CODES, NumericAxis, name_outputs
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.encoding import decode_baseline
from scoreline.models.cache import ModelCache
from scoreline.models.manifest import BASELINE, Manifest
from scoreline.models.store import ModelStore


def load_baseline(store: ModelStore, manifest: Manifest, cache: ModelCache) -> Baseline | None:
    """The baseline that was published with a version; None where there was none.

    Raises:
        ModelRejected: it is damaged, or of another model. The version serves all the same: its caller says so, and
            learns a baseline as if there was none.
        Unavailable, Refused: the store is away or refuses.
    """
    blob = manifest.blobs.get(BASELINE)
    if blob is None:
        return None
    data = cache.find(blob)
    if data is None:
        data = store.read_blob(manifest.name, blob)
        cache.keep(blob, data)
    baseline = decode_baseline(data)
    check_baseline(baseline, manifest)
    return baseline


def check_baseline(baseline: Baseline, manifest: Manifest) -> None:
    """Refuse a baseline that is not of this version's features and outputs.

    Raises:
        ModelRejected: its axes are others.
    """
    expected = (*(feature.name for feature in manifest.features), *name_outputs(manifest.classes))
    if baseline.grid.names != expected:
        raise ModelRejected(
            f"the baseline is of {list(baseline.grid.names)}, but {manifest.name} {manifest.version} has "
            f"{list(expected)}"
        )
    for feature, axis in zip(manifest.features, baseline.grid.axes, strict=False):
        levels = None if isinstance(axis, NumericAxis) else axis.levels
        known = None if feature.levels is None else feature.levels[:MOST_CODES]
        if levels != known or isinstance(axis, NumericAxis) is (feature.kind is Kind.CATEGORICAL):
            raise ModelRejected(f"the baseline of feature {feature.name!r} is not of its kind or its levels")
