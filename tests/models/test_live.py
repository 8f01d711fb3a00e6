import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoreline.errors import ModelNotFound, ModelRejected, Unavailable
from scoreline.features import Feature
from scoreline.models import loading
from scoreline.models.cache import ModelCache
from scoreline.models.live import PROBE_LIMIT_SECONDS, REJECTED_SECONDS, LiveVersions
from scoreline.models.model import ModelVersion
from scoreline.models.selectors import find_only_model
from scoreline.models.store import ModelStore
from scoreline.models.verification import TIME_LIMIT_SECONDS
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import MANIFEST, put_version, score_in_process, score_with_lightgbm, train, trusting_cache

MODEL = WeightedSum([Feature("x")], [1.0])


class Loads:
    """Loads fakes, and remembers which."""

    def __init__(self, store: ModelStore) -> None:
        self.store = store
        self.numbers: list[int] = []
        self.bad: set[int] = set()

    def __call__(self, name: str, version: int) -> ModelVersion:
        self.numbers.append(version)
        if version in self.bad:
            raise ModelRejected(f"{name} {version} is damaged")
        self.store.find(name, version)
        return ModelVersion(name, version, f"{version:064x}", MODEL)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """Versions 1 to 5 of flights; production is 2, canary is 4."""
    store = ModelStore(str(tmp_path / "store"))
    for _ in range(5):
        store.add_version(MANIFEST)
    store.set_alias("flights", "production", 2, by="t")
    store.set_alias("flights", "canary", 4, by="t")
    return store


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def loads(store: ModelStore) -> Loads:
    return Loads(store)


@pytest.fixture
def versions(store, loads, now, tmp_path) -> LiveVersions:
    cache = ModelCache(tmp_path / "cache")
    return LiveVersions(
        store, "flights", "production", cache=cache, load=loads, max_resident=3, lookup_seconds=10, clock=lambda: now[0]
    )


def test_the_default_alias_is_loaded_at_once_and_stays(versions, loads, store):
    assert versions.live.only.version == 2
    store.set_alias("flights", "production", 3, by="t")
    assert versions.resolve().only.version == 2
    assert versions.resolve("production") is versions.live
    assert loads.numbers == [2]


def test_numbers_aliases_and_latest_are_loaded_on_demand(versions, loads):
    assert [versions.resolve(selector).only.version for selector in ("3", "canary", "latest", "3")] == [3, 4, 5, 3]
    assert loads.numbers[:4] == [2, 3, 4, 5]


def test_the_version_not_asked_for_longest_goes_first_but_never_the_live_one(versions):
    versions.resolve("3")
    versions.resolve("4")
    versions.resolve("3")
    versions.resolve("5")
    assert [version.version for version in versions.resident()] == [2, 3, 5]


def test_an_answer_of_the_store_holds_for_a_while(versions, store, now):
    assert versions.resolve("canary").only.version == 4
    store.set_alias("flights", "canary", 1, by="t")
    assert versions.resolve("canary").only.version == 4
    now[0] += 10
    assert versions.resolve("canary").only.version == 1


def test_what_there_is_not_is_asked_for_once_in_a_while(versions, store, loads, now):
    for _ in range(3):
        with pytest.raises(ModelNotFound, match="no version 6"):
            versions.resolve("6")
    store.add_version(MANIFEST)
    with pytest.raises(ModelNotFound):
        versions.resolve("6")
    assert loads.numbers == [2, 6]
    now[0] += 10
    assert versions.resolve("6").only.version == 6


def test_a_version_that_may_not_serve_is_not_loaded_again_for_every_batch(versions, loads, now):
    loads.bad.add(4)
    for selector in ("4", "canary", "4"):
        with pytest.raises(ModelRejected, match="flights 4 is damaged"):
            versions.resolve(selector)
    assert loads.numbers == [2, 4]
    loads.bad.clear()
    now[0] += REJECTED_SECONDS - 1
    for selector in ("4", "canary"):
        with pytest.raises(ModelRejected, match="flights 4 is damaged"):
            versions.resolve(selector)
    assert loads.numbers == [2, 4]
    now[0] += 1
    assert versions.resolve("3").only.version == 3
    now[0] += 10
    assert [versions.resolve(selector).only.version for selector in ("canary", "4")] == [4, 4]


@pytest.mark.slow
def test_a_rejection_that_is_remembered_holds_nothing_of_the_failed_load(store, tmp_path):
    """Its frames would hold the model text, for minutes."""
    texts = []

    class Text:
        pass

    def load(name: str, version: int) -> ModelVersion:
        text = Text()
        texts.append(weakref.ref(text))
        if version == 4:
            raise ModelRejected("damaged")
        return ModelVersion(name, version, f"{version:064x}", MODEL)

    versions = LiveVersions(store, "flights", "production", cache=ModelCache(tmp_path), load=load)
    for selector in ("4", "canary"):
        with pytest.raises(ModelRejected, match="damaged"):
            versions.resolve(selector)
    gc.collect()
    assert [text() for text in texts] == [None, None]


def test_a_batch_waits_less_for_a_first_load_than_the_start_does_and_a_look_goes_behind_all(tmp_path, monkeypatch):
    limits = []

    def probe(*model, time_limit_seconds, behind):
        limits.append((time_limit_seconds, behind))
        return score_in_process(*model, time_limit_seconds=time_limit_seconds)

    monkeypatch.setattr(loading, "probe_model", probe)
    store = ModelStore(str(tmp_path / "store"))
    put_version(store, "tiny", train("binary"))
    put_version(store, "tiny", train("regression"))
    store.set_alias("tiny", "production", 1, by="t")
    versions = LiveVersions(store, "tiny", "production", cache=ModelCache(tmp_path / "cache"))
    assert versions.resolve("2").only.version == 2
    put_version(store, "tiny", train("quantile"))
    store.set_alias("tiny", "production", 3, by="t")
    assert versions.follow()
    assert limits == [(TIME_LIMIT_SECONDS, False), (PROBE_LIMIT_SECONDS, False), (TIME_LIMIT_SECONDS, True)]
    assert PROBE_LIMIT_SECONDS < TIME_LIMIT_SECONDS / 4


@pytest.mark.parametrize("most", [2, 3, 4, 8])
def test_as_many_versions_stay_as_may(store, loads, tmp_path, most):
    for _ in range(5):
        store.add_version(MANIFEST)
    cache = ModelCache(tmp_path / "cache")
    versions = LiveVersions(store, "flights", "production", cache=cache, load=loads, max_resident=most)
    asked = [number for number in range(1, 11) if number != 2]
    for i, number in enumerate(asked):
        versions.resolve(str(number))
        kept = asked[: i + 1][-(most - 1) :]
        assert [version.version for version in versions.resident()] == sorted([2, *kept])


@pytest.mark.parametrize("selector", ["", "0", "03", "-1", "1.0", "Canary", "nope", "a b", "9" * 30, "٣", "../x"])
def test_what_selects_nothing_is_not_found(versions, selector):
    with pytest.raises(ModelNotFound):
        versions.resolve(selector)


def test_random_selectors_do_not_fill_the_memory(versions):
    for number in range(3000):
        with pytest.raises(ModelNotFound):
            versions.resolve(f"?{number}")
    assert len(versions._refusals) == 1024


def test_a_store_that_is_away_does_not_hurt_what_is_resident(versions, store, monkeypatch):
    versions.resolve("3")

    def fail(*_: object, **__: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(store._objects._files, "ls", fail)
    assert versions.resolve("3").only.version == 3
    assert versions.resolve().only.version == 2
    with pytest.raises(Unavailable):
        versions.resolve("canary")
    monkeypatch.undo()
    assert versions.resolve("canary").only.version == 4


def test_several_threads_that_ask_at_once_load_once(store, tmp_path):
    loads, entered, go_on = Loads(store), threading.Event(), threading.Event()

    def load(name: str, version: int) -> ModelVersion:
        if version == 3:
            entered.set()
            assert go_on.wait(10)
        return loads(name, version)

    versions = LiveVersions(store, "flights", "production", cache=ModelCache(tmp_path), load=load)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(versions.resolve, "3") for _ in range(4)]
        assert entered.wait(10)
        assert versions.resolve().only.version == 2  # nobody waits for a version that was not asked for
        go_on.set()
        assert len({id(future.result(10).only) for future in asked}) == 1
    assert loads.numbers == [2, 3]


def test_a_missing_alias_comes_with_the_command_that_sets_it(store, loads, tmp_path):
    with pytest.raises(ModelNotFound, match="scoreline models alias flights staging 5"):
        LiveVersions(store, "flights", "staging", cache=ModelCache(tmp_path), load=loads)


def test_a_real_version_answers(tmp_path):
    store, trained = ModelStore(str(tmp_path / "store")), train("binary")
    manifest = put_version(store, "tiny", trained)
    store.set_alias("tiny", "production", 1, by="t")
    versions = LiveVersions(store, "tiny", "production", cache=trusting_cache(tmp_path / "cache", manifest))
    row = trained.matrix[:1]
    assert np.array_equal(versions.resolve("latest").only.model.predict(row), score_with_lightgbm(trained, row))


def test_the_only_model_of_a_store_need_not_be_named(store):
    assert find_only_model(store) == "flights"
    store.add_version(replace(MANIFEST, name="boats"))
    with pytest.raises(ModelNotFound, match=r"2 models \(boats, flights\); set SCORELINE_MODEL"):
        find_only_model(store)


def test_an_empty_store_says_how_to_publish(tmp_path):
    with pytest.raises(ModelNotFound, match="scoreline models publish NAME FILE --alias production"):
        find_only_model(ModelStore(str(tmp_path / "nothing")))


def test_memory_tells_what_is_resident_without_the_store_or_the_loader(versions, loads, store, now, monkeypatch):
    """Neither what was never loaded, nor what an alias means once that has to be asked for again."""
    loaded = {selector: versions.resolve(selector) for selector in ("3", "canary")}
    monkeypatch.setattr(ModelStore, "alias", None)
    assert versions.find_resident("production") is versions.live
    assert versions.find_resident("2").only is versions.live.only
    assert {selector: versions.find_resident(selector) for selector in loaded} == loaded
    assert [versions.find_resident(selector) for selector in ("5", "latest", "nobody", "..")] == [None] * 4
    now[0] += 11
    assert versions.find_resident("canary") is None
    assert versions.find_resident("3").only is loaded["3"].only
    assert loads.numbers == [2, 3, 4]


def test_what_memory_is_asked_for_stays_loaded(versions):
    """A version that only resident look-ups use counts as asked for."""
    versions.resolve("3")
    versions.resolve("4")
    assert versions.find_resident("3").only.version == 3
    versions.resolve("5")
    assert [version.version for version in versions.resident()] == [2, 3, 5]


def test_the_live_version_follows_its_alias_when_it_is_told_to(versions, store, loads):
    """What was live before goes like any other that nobody asks for."""
    before = versions.live.only
    assert not versions.follow()
    store.set_alias("flights", "production", 3, by="t")
    assert versions.follow()
    assert versions.resolve() is versions.resolve("production") is versions.live
    assert versions.live.only.version == 3
    assert versions.resolve("2").only is before
    for selector in ("4", "5"):
        versions.resolve(selector)
    assert [version.version for version in versions.resident()] == [3, 4, 5]
    assert loads.numbers == [2, 3, 4, 5]


def test_a_version_that_may_not_serve_is_not_followed_and_not_tried_again_at_once(versions, store, loads, now):
    store.set_alias("flights", "production", 3, by="t")
    loads.bad.add(3)
    for _ in range(3):
        with pytest.raises(ModelRejected, match="flights 3 is damaged"):
            versions.follow()
    assert versions.live.only.version == 2
    assert loads.numbers == [2, 3]
    now[0] += 600
    loads.bad.clear()
    assert versions.follow()
    assert versions.live.only.version == 3


def test_who_looks_anew_tries_again_what_was_rejected(versions, store, loads):
    """An operator who has mended something does not wait ten minutes; nor do callers who ask for it by number then."""
    store.set_alias("flights", "production", 3, by="t")
    loads.bad.add(3)
    for ask in (versions.follow, lambda: versions.resolve("3")):
        with pytest.raises(ModelRejected, match="flights 3 is damaged"):
            ask()
    loads.bad.clear()
    with pytest.raises(ModelRejected):
        versions.follow()
    assert versions.follow(anew=True)
    assert versions.resolve("3").only is versions.live.only


def test_whoever_watches_is_told_of_every_change_with_what_is_live_first(versions, store):
    told = []
    versions.watch_residents(lambda residents: told.append([version.version for version in residents]))
    versions.resolve("1")
    store.set_alias("flights", "production", 3, by="t")
    versions.follow()
    versions.resolve("5")
    assert told[0] == [2]
    assert told[1] == [2, 1]
    assert told[-1][0] == 3
    assert sorted(told[-1]) == [version.version for version in versions.resident()]


def test_a_version_is_improved_in_its_place_and_one_that_has_gone_is_not(versions):
    """Live, resident, and on whatever route it is."""
    better = replace(versions.live.only, model=WeightedSum([], []))
    assert versions.improve(better)
    assert versions.resolve().only is better
    assert versions.resolve("2").only is better
    assert not versions.improve(replace(better, version=5))
    assert [version.version for version in versions.resident()] == [2]


def test_an_alias_that_goes_back_finds_the_version_that_is_still_there(versions, store, loads):
    for number in (3, 2, 3):
        store.set_alias("flights", "production", number, by="t")
        assert versions.follow()
    assert loads.numbers == [2, 3]


def test_what_was_rejected_in_a_hurry_may_still_be_followed(store, loads, now, tmp_path, monkeypatch):
    """A probe that a batch waits for has less time than one that nobody waits for."""
    hurried = Loads(store)
    hurried.bad.add(3)
    cache = ModelCache(tmp_path / "cache")
    versions = LiveVersions(store, "flights", "production", cache=cache, load=loads, clock=lambda: now[0])
    monkeypatch.setattr(versions, "_load", hurried)
    with pytest.raises(ModelRejected):
        versions.resolve("3")
    store.set_alias("flights", "production", 3, by="t")
    assert versions.follow()
    now[0] += 10
    assert versions.resolve("3").only is versions.live.only


def test_what_was_rejected_with_patience_is_not_tried_by_a_batch(versions, store, loads):
    loads.bad.add(3)
    store.set_alias("flights", "production", 3, by="t")
    for ask in (versions.follow, lambda: versions.resolve("3")):
        with pytest.raises(ModelRejected):
            ask()
    assert loads.numbers == [2, 3]
