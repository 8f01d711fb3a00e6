"""What is wrong with the rows of tensors, collected column by column in bounded memory."""

from collections.abc import Sequence

from scoreline.errors import InstanceProblem, InvalidInstances
from scoreline.features import ValueProblem
from scoreline.schemas.json_problems import DETAILED_INSTANCES, PROBLEMS_PER_INSTANCE, refuse_instances


class RowProblems:
    """Keeps every bad row, and of most of them only the first problem: rows times features may be far too many."""

    def __init__(self) -> None:
        self._by_row: dict[int, list[InstanceProblem]] = {}
        self._detailed: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._by_row)

    def add(self, row: int, detail: str, feature: str) -> None:
        """Note what is wrong with a feature of a row."""
        found = self._by_row.get(row)
        if found is None:
            self._by_row[row] = [InstanceProblem(row, detail, feature)]
            if len(self._detailed) < DETAILED_INSTANCES:
                self._detailed.add(row)
        elif row in self._detailed and len(found) < PROBLEMS_PER_INSTANCE:
            found.append(InstanceProblem(row, detail, feature))

    def add_to_all(self, rows: int, detail: str, feature: str) -> None:
        """Note what is wrong with every row."""
        for row in range(rows):
            self.add(row, detail, feature)

    def refuse(self, settled: Sequence[ValueProblem]) -> InvalidInstances:
        """The error that answers them.

        Args:
            settled: what settling finds in the same rows; a value that has its problem already is null there.
        """
        known = {(row, problem.feature) for row, found in self._by_row.items() for problem in found}
        for value in settled:
            if (value.row, value.feature.name) not in known:
                self.add(value.row, value.detail, value.feature.name)
        return refuse_instances(self._by_row)
