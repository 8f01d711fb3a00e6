import importlib
import subprocess
import sys

import pytest

from scoreline.models.light_import import without_unneeded

HEAVY = ("pandas", "sklearn", "pyarrow")


def imported_after(script: str) -> set[str]:
    """Which of the heavy libraries a fresh process has loaded after a script."""
    shown = f"\nimport sys\nprint(*[name for name in {HEAVY} if sys.modules.get(name)])"
    child = subprocess.run([sys.executable, "-c", script + shown], capture_output=True, text=True, check=True)
    return set(child.stdout.split())


@pytest.mark.slow
def test_a_process_that_serves_loads_neither_pandas_nor_scikit_learn():
    assert imported_after("from scoreline.models.booster import LightGBMModel") == set()


@pytest.mark.slow
def test_what_was_hidden_can_be_imported_afterwards():
    assert "pandas" in imported_after("import scoreline.models.booster\nimport pandas")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["lightgbm", "pandas"])
def test_a_process_that_trains_keeps_a_whole_lightgbm(first):
    script = f"import {first}\nimport scoreline.models.booster\nimport lightgbm\nlightgbm.LGBMRegressor()"
    assert {"pandas", "sklearn"} <= imported_after(script)


def test_names_are_hidden_only_for_as_long_as_it_lasts(monkeypatch):
    for name in HEAVY:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with without_unneeded("a_module_that_nobody_has_imported"), pytest.raises(ImportError):
        importlib.import_module("pandas")
    assert not set(HEAVY) & set(sys.modules)


def test_nothing_is_hidden_once_the_module_is_there(monkeypatch):
    for name in HEAVY:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with without_unneeded("sys"):
        assert not set(HEAVY) & set(sys.modules)
