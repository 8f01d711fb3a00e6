"""Reads predictions as a downstream consumer does: with fastavro and the published schema alone."""

import io

import fastavro

from scoreline.schemas.fixed import prediction_schema

FRAME_BYTES = 5


def decode_prediction(record):
    """One framed prediction as a dictionary."""
    return fastavro.schemaless_reader(io.BytesIO(record.value()[FRAME_BYTES:]), prediction_schema(), None)
