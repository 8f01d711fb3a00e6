"""A package as somebody else would write it, that keeps models in SQLite: what `pip install` leaves behind of it."""

import importlib
from pathlib import Path

MODULE = '''
"""Models in a SQLite database."""

import sqlite3
from contextlib import closing

from scoreline.errors import ConfigError, ModelNotFound, Unavailable


class Shelf:
    def __init__(self, url):
        self._path = url.partition("://")[2]
        if not self._path:
            raise ConfigError("shelf:// needs the path of a database")

    def _run(self, statement, *values):
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as database, database:
                database.execute("CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, content BLOB)")
                cursor = database.execute(statement, values)
                return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise Unavailable(f"the shelf {self._path} cannot be used: {error}") from error

    def list(self, folder=""):
        start = f"{folder}/" if folder else ""
        rows, _ = self._run("SELECT name FROM files WHERE substr(name, 1, ?) = ?", len(start), start)
        return list({name[len(start):].partition("/")[0] for (name,) in rows})

    def read(self, file):
        rows, _ = self._run("SELECT content FROM files WHERE name = ?", file)
        if not rows:
            raise ModelNotFound(f"the shelf has no {file}")
        return bytes(rows[0][0])

    def create(self, file, data):
        return self._run("INSERT OR IGNORE INTO files VALUES (?, ?)", file, data)[1] == 1
'''


def install_foreign_store(
    site: Path, monkeypatch, *, scheme: str, package: str = "shelf-store", target: str = "Shelf"
) -> None:
    """Install the package in a folder of its own, and have Python look there."""
    module = package.replace("-", "_")
    information = site / f"{module}-1.0.dist-info"
    information.mkdir(parents=True)
    (site / f"{module}.py").write_text(MODULE)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[scoreline.model_stores]\n{scheme} = {module}:{target}\n")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
