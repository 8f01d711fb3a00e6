"""Which partition a piece of a job goes to."""

from zlib import crc32


def choose_partition(submission: str, number: int, partitions: int) -> int:
    """Pieces of an upload one by one over all partitions, from a start that differs between uploads.

    So every worker has a share of every large job, and small jobs do not meet on one partition.

    Args:
        number: of the chunk.
        partitions: how many there are.
    """
    return (crc32(submission.encode()) + number) % partitions
