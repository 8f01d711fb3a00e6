import signal
import subprocess
import sys
import threading

import pytest

from scoreline.errors import ConfigError, ModelNotFound
from scoreline.features import Feature
from scoreline.models.cache import ModelCache
from scoreline.models.compiled import compiler
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.upgrades import EngineUpgrades
from scoreline.models.compiled.versions import VersionCompiler
from scoreline.models.loading import VersionLoader
from scoreline.models.model import ModelVersion
from scoreline.models.store import ModelStore
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import put_version, score_with_lightgbm, train, trusting_cache

WITHOUT_EXTRA = """
import sys
sys.modules.update({"lleaves": None, "llvmlite": None})
import scoreline.models.compiled.upgrades, scoreline.observability.upgrade_log, scoreline.observability.metrics
from pathlib import Path
from scoreline.errors import ConfigError
from scoreline.models.compiled.versions import _make_compiler
try:
    _make_compiler(Path("nowhere"))
except ConfigError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_served_version_is_compiled_from_what_it_was_loaded_from(tmp_path):
    store, trained = ModelStore(str(tmp_path / "store")), train("binary")
    manifest = put_version(store, "tiny", trained)
    loader = VersionLoader(store, trusting_cache(tmp_path / "cache", manifest))
    version = loader.load("tiny", 1)
    compilation = VersionCompiler(loader.read, tmp_path / "cache")(version, Cancellation())
    assert compilation.model.plain is version.model
    assert compilation.model.features is version.model.features
    assert compilation.model.predict(trained.matrix).tobytes() == score_with_lightgbm(trained, trained.matrix).tobytes()


@pytest.mark.slow
def test_a_stop_during_a_compilation_ends_its_child_process(tmp_path, monkeypatch):
    sleeper = "import sys, time; sys.stdin.buffer.read(); time.sleep(600)"
    monkeypatch.setattr(compiler, "COMMAND", (sys.executable, "-c", sleeper))
    attached, children, attach_child = threading.Event(), [], Cancellation.attach

    def attach(self, child):
        attach_child(self, child)
        children.append(child)
        attached.set()

    monkeypatch.setattr(Cancellation, "attach", attach)
    store = ModelStore(str(tmp_path / "store"))
    manifest = put_version(store, "tiny", train("binary"))
    loader = VersionLoader(store, trusting_cache(tmp_path / "cache", manifest))
    upgrades = EngineUpgrades(VersionCompiler(loader.read, tmp_path / "cache"), lambda _: pytest.fail("improved"))
    upgrades.want([loader.load("tiny", 1)])
    assert attached.wait(20)
    upgrades.stop()
    assert children[0].poll() == -signal.SIGKILL
    assert "compiling" not in [thread.name for thread in threading.enumerate()]


def test_a_version_that_is_gone_from_the_store_is_a_named_error(tmp_path):
    store = ModelStore(str(tmp_path / "store"))
    put_version(store, "tiny", train("binary"))
    loader = VersionLoader(store, ModelCache(tmp_path / "cache"))
    text, golden = loader.read("tiny", 1)
    assert text == train("binary").text
    assert len(golden.rows) == 4
    with pytest.raises(ModelNotFound):
        loader.read("tiny", 2)


def test_a_model_of_another_engine_is_refused(tmp_path):
    version = ModelVersion("other", 1, "ab" * 32, WeightedSum([Feature("x")], [1.0]))
    compilation = VersionCompiler(lambda *_: pytest.fail("read"), tmp_path)(version, Cancellation())
    assert "'fake'" in compilation.refused


@pytest.mark.slow
def test_without_the_extra_everything_else_is_there_and_the_error_says_what_to_install():
    """In a process where neither package can be imported."""
    told = subprocess.run([sys.executable, "-c", WITHOUT_EXTRA], capture_output=True, text=True, check=True).stdout
    assert "pip install 'scoreline[compiled]'" in told
    assert ConfigError.__name__ not in told
