"""File descriptors, which connections are made of: as many as the system gives, and what they are enough for."""

import resource

KEPT_BACK = 256
"""For models, the broker, the store and the log."""


def find_room(connections: int, *, more: float = 0.0) -> int:
    """Raise the limit of this process where it may be raised, and say how many connections there is room for.

    Args:
        connections: that are wanted.
        more: that have to fit beside them, as a share of them.

    Returns:
        As many, or as few as the descriptors are enough for; at least one.
    """
    wanted = int(connections * (1 + more)) + KEPT_BACK
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_less(soft, wanted):
        soft = wanted if not _is_less(hard, wanted) else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if not _is_less(soft, wanted):
        return connections
    return max(1, int((soft - min(KEPT_BACK, soft // 2)) / (1 + more)))


def _is_less(limit: int, wanted: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < wanted
