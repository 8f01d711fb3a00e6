"""Faults of a format's own code, as errors that have a name here."""

from collections.abc import Iterator
from contextlib import contextmanager

from scoreline.errors import ModelRejected, Refused, ServiceError


def describe_cause(error: BaseException) -> str:
    """A foreign exception in one line: its kind, and the first line of what it says."""
    said = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@contextmanager
def named_faults(runtime: str, action: str) -> Iterator[None]:
    """Name whatever a format's code raises.

    Args:
        runtime: what runs, as `ModelFormat.runtime` says it.
        action: what it does, as in `load the model`.

    Raises:
        ModelRejected: it raised.
        Refused: it could not import what it needs.
        ServiceError: it raised one itself.
    """
    try:
        yield
    except ServiceError:
        raise
    except ImportError as error:
        raise Refused(f"{runtime} does not load on this machine: {error}") from error
    except Exception as error:
        raise ModelRejected(f"{runtime} fails to {action}: {describe_cause(error)}") from error
