"""What is wrong with rows, in few lines: equal problems are one line, and what is too much is counted."""

SHOWN_PROBLEMS = 20
_SHOWN_ROWS = 3


class RowProblems:
    """Collects problems in bounded memory, however many rows have them.

    Args:
        where: stands before the number of a row, as `row` or `rows.csv, line`; takes an s for several.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._rows: dict[str, list[int]] = {}
        self._counts: dict[str, int] = {}
        self._untold: set[int] = set()

    def add(self, number: int, text: str) -> None:
        """Note what is wrong with a row."""
        if text not in self._rows:
            if len(self._rows) == SHOWN_PROBLEMS:
                self._untold.add(number)
                return
            self._rows[text], self._counts[text] = [], 0
        self._counts[text] += 1
        if len(self._rows[text]) < _SHOWN_ROWS:
            self._rows[text].append(number)

    def describe(self) -> list[str]:
        """A line for each problem in the order of its first row, at most `SHOWN_PROBLEMS`, and one for the rest."""
        lines = []
        for text, rows in self._rows.items():
            more = self._counts[text] - len(rows)
            numbers = ", ".join(map(str, rows)) + (f" and {more} more" if more else "")
            lines.append(f"{self._where}{'s' if self._counts[text] > 1 else ''} {numbers}: {text}")
        if self._untold:
            rest = len(self._untold)
            lines.append(f"{rest} more {'row has' if rest == 1 else 'rows have'} other problems")
        return lines
