"""What labels cost: taking note of predictions on the loop, remembering and joining them beside it.

python -m benchmarks.labels
"""

import io
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import fastavro
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.bounds import Bounds
from benchmarks.watchers import REMEMBERED, LabelChain
from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.observability.events import BatchScored
from scoreline.observability.labels.memory import PredictionMemory, hash_ids
from scoreline.records import find_last_records
from scoreline.schemas.fixed import LABEL_ID, load_fixed
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.labels import LabelDecoder
from scoreline.scoring import Part, Scored
from scoreline.testing.fakes import WeightedSum
from scoreline.transport.record import StoredRecord

BATCH = 2048
BATCHES = 150
LABELS_AFTER = 21
"""Labels come so many batches after their predictions: the last ones end no window, which is measured anyway when it
ends."""

LOOP_MICROSECONDS = 13.0
"""What the loop takes for a record with the model of the flights."""

VERSION = ModelVersion("flights", 1, "0" * 64, WeightedSum([Feature("x")], [1.0]))


def make_batch(number: int, *, where: str) -> BatchScored:
    """A scored batch.

    Args:
        where: ids are: `fields`, `keys`, or `places` (topic, partition and offset).
    """
    ids = [b"flight-%d" % n for n in range(number * BATCH, (number + 1) * BATCH)]
    keys = ids if where == "keys" else [None] * BATCH
    records = [StoredRecord("features", 0, number * BATCH + i, key) for i, key in enumerate(keys)]
    scores = np.random.default_rng(number).beta(1, 4, BATCH)
    own = ids if where == "fields" else None
    part = Part(VERSION, np.arange(BATCH), np.zeros((BATCH, 1)), np.zeros(1, dtype=np.int64), own, None)
    scored = Scored(scores, np.empty(0, dtype=np.intp))
    return BatchScored(records, find_last_records(records), [part], [scored], [], 0, {}, 0)


def measure_notes(where: str) -> float:
    """Microseconds of CPU that the loop spends on a record."""
    chain = LabelChain()
    batches = [make_batch(number, where=where) for number in range(BATCHES)]
    started = time.thread_time()
    for batch in batches:
        chain.notes.batch_scored(batch)
    return (time.thread_time() - started) / (BATCHES * BATCH) * 1e6


def measure_joining(decoder: LabelDecoder) -> tuple[float, float, float, float]:
    """Microseconds of CPU: to remember a prediction, to decode a label, to join one; and milliseconds of a scrape.

    The quality that comes of it is checked.
    """
    chain = LabelChain()
    batches = [make_batch(number, where="fields") for number in range(BATCHES)]
    remembered, decoded, joined = 0.0, 0.0, 0.0
    targets = np.random.default_rng(1).integers(0, 2, BATCHES * BATCH).astype(float)
    values = [encode(f"flight-{n}", target) for n, target in enumerate(targets.tolist())]
    for number, batch in enumerate(batches):
        chain.notes.batch_scored(batch)
        started = time.thread_time()
        chain.join.turn([])
        remembered += time.thread_time() - started
        if number < LABELS_AFTER:
            continue
        first = (number - LABELS_AFTER) * BATCH
        started = time.thread_time()
        labels = [decoder.decode(value) for value in values[first : first + BATCH]]
        decoded += time.thread_time() - started
        started = time.thread_time()
        chain.join.turn(labels)
        joined += time.thread_time() - started
    labelled = (BATCHES - LABELS_AFTER) * BATCH
    started = time.perf_counter()
    report = chain.quality.read()
    scraped = time.perf_counter() - started
    assert report["joined"] == labelled
    version = report["versions"]["1"]
    scores = np.concatenate([batch.scored[0].scores for batch in batches])[:labelled]
    last = slice(labelled - version["labels"], labelled)
    assert abs(version["auc"] - roc_auc_score(targets[last], scores[last])) < 1e-12
    exact = roc_auc_score(targets[:labelled], scores)
    assert abs(version["since_start"]["auc"] - exact) <= version["since_start"]["auc_within"]
    return remembered / (BATCHES * BATCH) * 1e6, decoded / labelled * 1e6, joined / labelled * 1e6, scraped * 1e3


def encode(record_id: str, label: float) -> bytes:
    """One framed label."""
    schema = load_fixed(LABEL_ID)
    out = io.BytesIO()
    out.write(prefix_for(Framing.CONFLUENT, LABEL_ID, schema))
    fastavro.schemaless_writer(out, schema, {"id": record_id, "label": label})
    return out.getvalue()


def measure_bytes() -> float:
    """Bytes of a remembered prediction, all of them in the index."""
    tracemalloc.start()
    memory = PredictionMemory(REMEMBERED, 3600.0)
    for first in range(0, REMEMBERED, BATCH):
        ids = [b"flight-%d" % n for n in range(first, first + BATCH)]
        memory.add(1, hash_ids(ids), np.zeros(BATCH), 0.0)
        memory.find(hash_ids(ids[:1]), 0.0)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken / REMEMBERED


def main() -> None:
    """Print what is measured, and fail where the loop pays too much."""
    bounds = Bounds()
    for where, percent in (("fields", 1.0), ("keys", 1.0), ("places", 3.0)):
        noted = measure_notes(where)
        print(f"taking note, ids are {where}: {noted:.3f} µs a record", flush=True)
        bounds.at_most(f"percent of the loop, ids are {where}", 100 * noted / LOOP_MICROSECONDS, percent)
    with TemporaryDirectory() as folder:
        decoder = LabelDecoder(FolderCatalog(Path(folder)), Framing.CONFLUENT)
        remembered, decoded, joined, scraped = measure_joining(decoder)
    print(f"beside the loop: remembering {remembered:.2f} µs, decoding a label {decoded:.2f}, joining it {joined:.2f}")
    print(f"a scrape of one version with new labels: {scraped:.2f} ms")
    bounds.at_most("bytes of a remembered prediction", measure_bytes(), 50.0)
    bounds.conclude()


if __name__ == "__main__":
    main()
