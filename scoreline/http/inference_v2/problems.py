"""What is wrong with the rows of tensors, collected column by column in bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from scoreline.errors import InstanceProblem, InvalidInstances
from scoreline.features import Feature, ValueProblem
from scoreline.http.inference_v2.datatypes import Datatype
from scoreline.schemas.json_problems import DETAILED_INSTANCES, PROBLEMS_PER_INSTANCE, refuse_instances


class RowProblems:
    """Keeps every bad row, and of most of them only the first problem: rows times features may be far too many.

    Args:
        rows: how many there are.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._by_row: dict[int, list[InstanceProblem]] = {}
        self._of_all: list[tuple[str, str]] = []
        # The lowest bad rows, negated so that the highest of them comes first: the one that goes for a lower one.
        self._detailed: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._by_row or self._of_all)

    def wants(self, row: int) -> bool:
        """Whether one more problem of a row would be kept."""
        found = self._by_row.get(row)
        return found is None or (row <= -self._detailed[0] and len(found) < PROBLEMS_PER_INSTANCE)

    def add(self, row: int, detail: str, feature: str) -> None:
        """Note what is wrong with a feature of a row."""
        if not self.wants(row):
            return
        problem = InstanceProblem(row, detail, feature)
        found = self._by_row.get(row)
        if found is not None:
            found.append(problem)
            return
        self._by_row[row] = [problem]
        heappush(self._detailed, -row)
        if len(self._detailed) > DETAILED_INSTANCES:
            del self._by_row[-heappop(self._detailed)][1:]

    def add_to_all(self, detail: str, feature: str) -> None:
        """Note what is wrong with every row."""
        if len(self._of_all) < PROBLEMS_PER_INSTANCE:
            self._of_all.append((detail, feature))

    def refuse(self, settled: Sequence[ValueProblem]) -> InvalidInstances:
        """The error that answers them.

        Args:
            settled: what settling finds in the same rows; a value that has its problem already is null there.
        """
        for row in range(self._rows if self._of_all else 0):
            for detail, feature in self._of_all:
                if not self.wants(row):
                    break
                self.add(row, detail, feature)
        known = {(row, problem.feature) for row, found in self._by_row.items() for problem in found}
        for value in settled:
            if (value.row, value.feature.name) not in known:
                self.add(value.row, value.detail, value.feature.name)
        return refuse_instances(self._by_row)


@dataclass(frozen=True, slots=True)
class TensorProblems:
    """What is wrong with the values of one tensor, each known by its position in row-major order.

    Attributes:
        features: one for each column; None where the model of these rows does not take it.
    """

    rows: RowProblems
    datatype: Datatype
    features: Sequence[Feature | None]

    def wants(self, position: int) -> bool:
        """Whether anybody would be told of a value that is wrong."""
        row, column = divmod(position, len(self.features))
        return self.features[column] is not None and self.rows.wants(row)

    def add(self, position: int, came: str) -> None:
        """Note what came where something else is expected."""
        row, column = divmod(position, len(self.features))
        feature = self.features[column]
        if feature is not None:
            expected = f"{self.datatype.expected}{' or null' if feature.nullable else ''}"
            self.rows.add(row, f"expected {expected}, got {came}", feature.name)
