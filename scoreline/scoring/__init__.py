"""The one scoring path, on batches, without I/O. Stream, sidecar and jobs all end here."""

from scoreline.scoring.batch import Batch, Part, Tombstones
from scoreline.scoring.path import ScoringPath
from scoreline.scoring.score import Scored, score

__all__ = ["Batch", "Part", "Scored", "ScoringPath", "Tombstones", "score"]
