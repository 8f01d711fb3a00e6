"""How far a long torture has come, in a folder: a run that was interrupted goes on with the chapters that are left."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from tests.torture.outcome import Outcome
from tests.torture.schedule import Dose

PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class Form:
    """What a whole run consists of.

    Attributes:
        dose: of all chapters together.
        chapters: each has topics, a group and a schedule of its own.
        brokers: how many there are.
        per_second: records.
        behind_proxy: whether the members reach the broker through a network that fails.
    """

    dose: Dose
    chapters: int
    per_second: int
    brokers: int = 1
    behind_proxy: bool = False


FULL = Form(Dose(kills=100, visits=50, freezes=10, broker_kills=10), chapters=8, per_second=5000)
OTHER = Form(Dose(kills=20, visits=10, freezes=2, broker_kills=2), chapters=2, per_second=5000)
FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "stops": Form(Dose(stops=200), chapters=4, per_second=2000),
        "network": Form(Dose(kills=40, faults=20), chapters=4, per_second=2000, behind_proxy=True),
        "three-brokers": Form(Dose(broker_kills=15, elections=9), chapters=3, per_second=800, brokers=3),
    }
)
"""Beside `members`, whose dose depends on the promise."""


def choose_form(name, delivery, protocol):
    """The form of that name: the full dose where most is promised and most people are, else a fifth of it."""
    if name != "members":
        return FORMS[name]
    return FULL if (delivery, protocol) == ("exactly-once", "classic") else OTHER


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is: the same plan gives the same events."""

    form: str
    delivery: str
    protocol: str
    seed: int


class Progress:
    """The folder of one run at a time.

    A run that is complete makes room for the next one, and so does one with another seed than the wanted.

    Args:
        folder: made where it is not there.
        form, delivery, protocol: of the run; runs that differ in one of them belong into different folders.
        seed: the wanted one; None for that of the run that is under way, else `new_seed`.

    Attributes:
        plan: of the run that goes on here, or begins.
    """

    def __init__(self, folder: Path, *, form, delivery, protocol, seed, new_seed):
        self.folder = folder
        self._chapters = choose_form(form, delivery, protocol).chapters
        under_way = self._read_plan() if self._is_under_way() else None
        if seed is None:
            seed = new_seed if under_way is None else under_way.seed
        self.plan = Plan(form, delivery, protocol, seed)
        if self.plan != under_way:
            self._begin(self.plan)

    @property
    def outcomes(self):
        """Of the chapters that are done, by their number."""
        found = {}
        for number in range(self._chapters):
            path = self._path(number)
            if path.exists():
                found[number] = Outcome(**json.loads(path.read_text()))
        return found

    @property
    def left(self):
        """Numbers of the chapters that are not done."""
        done = self.outcomes
        return [number for number in range(self._chapters) if number not in done]

    def keep(self, number, outcome):
        """A chapter is done."""
        draft = self._path(number).with_suffix(".draft")
        draft.write_text(json.dumps(asdict(outcome), indent=1))
        draft.replace(self._path(number))

    def chapter_folder(self, number):
        """An empty folder for what is said in a chapter."""
        folder = self.folder / f"chapter-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _path(self, number):
        return self.folder / f"outcome-{number}.json"

    def _is_under_way(self):
        return (self.folder / PLAN).exists() and bool(self.left)

    def _read_plan(self):
        return Plan(**json.loads((self.folder / PLAN).read_text()))

    def _begin(self, plan):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / PLAN).write_text(json.dumps(asdict(plan)))
