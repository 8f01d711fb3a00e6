"""Drift events as Avro, which other releases and other programs read."""

import io
from pathlib import Path

import fastavro
import pytest

from scoreline.models.baseline.baseline import Origin
from scoreline.observability.drift.ports import DriftChanged
from scoreline.observability.drift.states import State
from scoreline.observability.drift.wire import DriftEventEncoder
from scoreline.schemas.fixed import DRIFT_EVENT_ID, load_fixed
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing, split_frames
from scoreline.schemas.parsing import are_equal, parse_schema_text
from tests.observability.drift.scenes import START_MS, make_change

FIRST_RELEASE = Path(__file__).parents[2] / "data" / "drift" / "drift_event.avsc"


@pytest.mark.parametrize("framing", Framing)
def test_an_event_reads_as_it_was_written(framing, tmp_path):
    encoder = DriftEventEncoder(FolderCatalog(tmp_path), framing, "drift-events", member="pod-0")
    event = DriftChanged("flights", 3, Origin.LEARNED, make_change(earlier=State.DRIFT, state=State.OK))
    value = encoder.encode(event)
    frames = split_frames([value], framing)

    assert not frames.rejected
    read = fastavro.schemaless_reader(io.BytesIO(value[frames.datum_start :]), load_fixed(DRIFT_EVENT_ID), None)
    at = read.pop("at")
    assert int(at.timestamp() * 1000) == START_MS
    assert read == {
        "model": "flights",
        "version": 3,
        "member": "pod-0",
        "name": "x",
        "kind": "cleared",
        "state": "ok",
        "before": "drift",
        "rule": "calibrated",
        "statistic": "js_distance",
        "value": 0.4,
        "threshold": 0.2,
        "windows": 1,
        "baseline": "learned",
    }


def test_the_schema_is_the_one_that_was_published_first():
    """A schema that changes needs a fixed id of its own, and the golden file of the old one stays here."""
    assert are_equal(load_fixed(DRIFT_EVENT_ID), parse_schema_text(FIRST_RELEASE.read_text()))
    assert DRIFT_EVENT_ID == 2_000_000_004
