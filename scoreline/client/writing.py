"""Rows → JSON. Whether their values are what the model takes, the sidecar judges."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from scoreline.client.errors import NotSent, RowError

Row: TypeAlias = Mapping[str, Any]

_TOLD_AS_TEXT = (date, time, Decimal, UUID)


def write_row(row: Row) -> bytes:
    """One row of a job. NaN goes along: the sidecar then tells that row as one that cannot be scored.

    Raises:
        TypeError, ValueError: JSON cannot hold it.
    """
    return json.dumps(row, separators=(",", ":"), default=_tell).encode()


def write_instances(instances: Sequence[Row]) -> bytes:
    """The body of a request for predictions.

    Raises:
        NotSent: rows that JSON cannot hold, by their features; they would be refused as a whole and by their bytes.
    """
    rows = list(instances)
    try:
        return json.dumps({"instances": rows}, separators=(",", ":"), default=_tell, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        errors = [found for i, row in enumerate(rows) for found in _find_unwritable(i, row)]
        first = errors[0] if errors else None
        detail = str(error) if first is None else f"instance {first.instance}, {first.feature}: {first.detail}"
        raise NotSent(f"the instances cannot be sent: {detail}", errors) from error


def _find_unwritable(instance: int, row: Any) -> Iterator[RowError]:
    for name, value in row.items() if isinstance(row, Mapping) else ():
        try:
            json.dumps({name: value}, default=_tell, allow_nan=False)
        except TypeError as error:
            yield RowError(instance, str(error), str(name))
        except ValueError:
            yield RowError(
                instance, f"expected a finite number, but it is {value!r}; None is a missing value", str(name)
            )


def _tell(value: Any) -> Any:
    """What JSON has no word for: times and decimals as text, scalars of numpy and the like as what they hold."""
    if isinstance(value, _TOLD_AS_TEXT):
        return str(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    raise TypeError(f"JSON cannot hold a {type(value).__name__}")
