"""Labels as their producers write them, and what a service says of them."""

import io
import json
import time

import fastavro

from scoreline.schemas.fixed import LABEL_ID, load_fixed
from tests.integration.calls import get


def encode_label(record_id, label):
    out = io.BytesIO(b"\x00" + LABEL_ID.to_bytes(4, "big"))
    out.seek(5)
    fastavro.schemaless_writer(out, load_fixed(LABEL_ID), {"id": record_id, "label": label})
    return out.getvalue()


def await_quality(service, condition, within_seconds=30.0):
    """What `/stats` says of quality, once it is what is waited for."""
    deadline = time.monotonic() + within_seconds
    while not condition(told := json.loads(get(service, "/stats"))["quality"]):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def await_reading(service, within_seconds=20.0):
    """Wait until labels are read from now on."""
    deadline = time.monotonic() + within_seconds
    while True:
        (component,) = [c for c in json.loads(get(service, "/health"))["components"] if c["name"] == "labels"]
        if component["detail"].startswith("reads"):
            return
        assert time.monotonic() < deadline, component
        time.sleep(0.05)
