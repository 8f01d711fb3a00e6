"""Jobs as a sidecar tells of them."""

import json

SUBMITTED_AT = "2026-03-01T10:00:00.125Z"


def tell_job(status="queued", rows=3, rows_done=0, **members):
    return {
        "job_id": "j-1", "status": status, "model": "m", "version": 3, "rows": rows, "rows_done": rows_done,
        "rows_failed": 0, "chunks": 1, "chunks_done": 0, "submitted_at": SUBMITTED_AT, "finished_at": None,
        "detail": None, **members,
    }  # fmt: skip


def tell_rows(first, last):
    """Lines of the results of some rows; a row is predicted to be its own half."""
    return b"".join(json.dumps({"instance": i, "prediction": i / 2}).encode() + b"\n" for i in range(first, last))
