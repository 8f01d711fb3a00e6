"""Packages of one module with a format in them, put where this process and its children import from."""

import os
from importlib.metadata import EntryPoint
from pathlib import Path

from scoreline.models.formats.known import GROUP


def install(monkeypatch, folder: Path, package: str, code: str, *, name: str, target: str = "Format") -> None:
    """As pip would leave it: the module, and the metadata with its entry point."""
    folder.mkdir(exist_ok=True)
    (folder / f"{package}.py").write_text(code)
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {package}:{target}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def entry(name: str, value: str) -> EntryPoint:
    """An entry point that no distribution owns."""
    return EntryPoint(name, value, GROUP)


ROWS_SUM = '''
import numpy as np

from scoreline.errors import ModelRejected
from scoreline.models.formats import Description, Output, declare_features, name_classes


class Format:
    """The sum of a row, times the number in the artifact; the artifact is the whole of it."""

    name = "sum"
    runtime = "sum 1.0"
    probe_bytes = 4 * 2**30

    def recognizes(self, artifact, file_name):
        return artifact.startswith(b"sum")

    def describe(self, artifact, statements, classes, types):
        rows = [[1.0] * len(statements), [2.5] * len(statements)]
        return Description(features=declare_features(statements), output=Output.VALUE, synthetic_rows=rows)

    def check(self, artifact, features):
        if not artifact.startswith(b"sum"):
            raise ModelRejected("no sum")

    def load(self, artifact, features, classes):
        return Sum(artifact, features, classes)


class Sum:
    engine = "sum"
    importances = None

    def __init__(self, artifact, features, classes):
        if len(features) != int(artifact.split()[1]):
            raise ModelRejected("another number of features")
        self.features, self.classes = features, classes

    def predict(self, matrix):
        return matrix.sum(axis=1)
'''
"""A sound format, to be spoilt."""
