"""The schemas that ship with the package, under fixed ids, so that a folder needs no registry to agree on them."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.parsing import mean_the_same, parse_schema_text

FIRST_FIXED_ID = 2_000_000_000
FIXED_ID_SPAN = 100
"""So many ids belong to schemas that ship, with this release or a later one."""

PREDICTION_ID = FIRST_FIXED_ID
JOB_CHUNK_ID = FIRST_FIXED_ID + 1
JOB_RESULT_ID = FIRST_FIXED_ID + 2
JOB_EVENT_ID = FIRST_FIXED_ID + 3
DRIFT_EVENT_ID = FIRST_FIXED_ID + 4
LABEL_ID = FIRST_FIXED_ID + 5

_FILES: Mapping[int, str] = MappingProxyType(
    {
        PREDICTION_ID: "prediction.avsc",
        JOB_CHUNK_ID: "job_chunk.avsc",
        JOB_RESULT_ID: "job_result.avsc",
        JOB_EVENT_ID: "job_event.avsc",
        DRIFT_EVENT_ID: "drift_event.avsc",
        LABEL_ID: "label.avsc",
    }
)

FIXED_IDS = tuple(_FILES)


@cache
def load_fixed(schema_id: int) -> ParsedSchema:
    """The shipped schema of one of `FIXED_IDS`; read and parsed when it is first asked for."""
    text = resources.files("scoreline.schemas").joinpath(_FILES[schema_id]).read_text(encoding="utf-8")
    return parse_schema_text(text)


def is_fixed_id(schema_id: int) -> bool:
    """Whether an id is that of a schema that ships with some release, perhaps not with this one."""
    return FIRST_FIXED_ID <= schema_id < FIRST_FIXED_ID + FIXED_ID_SPAN


def prediction_schema() -> ParsedSchema:
    """What every prediction is written with."""
    return load_fixed(PREDICTION_ID)


def find_fixed_id(schema: ParsedSchema) -> int | None:
    """The fixed id of a schema that ships with the package, None for any other."""
    return next((i for i in FIXED_IDS if mean_the_same(load_fixed(i), schema)), None)
