import os
from pathlib import Path

import pytest

from scoreline.errors import ConfigError, ModelNotFound, ModelRejected, Refused, Unavailable
from scoreline.models.manifest import Blob, encode_manifest
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from tests.models.builders import MANIFEST, put_version, train


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(str(tmp_path / "store"), wall_clock=lambda: 1_700_000_000.0)


def files_of(store: ModelStore) -> list[str]:
    return sorted(str(path.relative_to(store.url)) for path in Path(store.url).rglob("*") if path.is_file())


def test_an_empty_store_has_no_models(store):
    assert store.names() == ()
    assert store.versions("flights") == ()


def test_versions_are_numbered_from_one(store):
    numbers = [store.add_version(MANIFEST).version for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert store.versions("flights") == (1, 2, 3)
    assert store.names() == ("flights",)
    assert store.manifest("flights", 2).version == 2
    assert store.latest("flights") == 3


def test_a_deleted_number_is_never_used_again(store):
    store.add_version(MANIFEST)
    store.add_version(MANIFEST)
    tombstone = Path(store.url, "flights", "versions", "2.deleted.json")
    tombstone.write_text("{}")
    assert store.versions("flights") == (1,)
    with pytest.raises(ModelNotFound, match="no version 2 of flights; the latest are 1"):
        store.manifest("flights", 2)
    tombstone.with_name("2.json").unlink()
    assert store.add_version(MANIFEST).version == 3


def test_who_loses_the_race_for_a_number_takes_the_next(store, monkeypatch):
    """The list of versions was read before another publisher committed."""
    store.add_version(MANIFEST)
    stale = store._objects.list("flights/versions")
    store.add_version(MANIFEST)
    monkeypatch.setattr(store._objects, "list", lambda _: stale)
    assert store.add_version(MANIFEST).version == 3
    monkeypatch.undo()
    assert store.versions("flights") == (1, 2, 3)


def test_an_alias_keeps_its_history(store):
    store.add_version(MANIFEST)
    store.add_version(MANIFEST)
    for version in (1, 2, 1):
        store.set_alias("flights", "production", version, by="ann")
    store.set_alias("flights", "canary", 2, by="bob")
    assert store.alias("flights", "production") == Route.to(1)
    assert store.aliases("flights") == {"canary": Route.to(2), "production": Route.to(1)}
    history = store.history("flights", "production")
    assert [(entry.sequence, entry.route.only, entry.by) for entry in history] == [
        (1, 1, "ann"),
        (2, 2, "ann"),
        (3, 1, "ann"),
    ]
    assert history[0].set_at == "2023-11-14T22:13:20+00:00"


def test_a_missing_alias_comes_with_the_command_that_sets_it(store):
    store.add_version(MANIFEST)
    with pytest.raises(ModelNotFound, match="scoreline models alias flights production 1"):
        store.alias("flights", "production")


def test_a_missing_model_comes_with_the_command_that_publishes_it(store):
    for ask in (lambda: store.alias("flights", "production"), lambda: store.manifest("flights", 1)):
        with pytest.raises(ModelNotFound, match="scoreline models publish flights FILE"):
            ask()


def test_an_alias_cannot_mean_a_version_that_there_is_not(store):
    store.add_version(MANIFEST)
    with pytest.raises(ModelNotFound, match="no version 7"):
        store.set_alias("flights", "production", 7, by="ann")
    assert store.aliases("flights") == {}


@pytest.mark.parametrize("alias", ["latest", "", "Production", "3", "a/b", "..", "a.b", "-x"])
def test_a_name_that_no_alias_may_have_is_refused(store, alias):
    store.add_version(MANIFEST)
    with pytest.raises(ConfigError, match="cannot be an alias"):
        store.set_alias("flights", alias, 1, by="ann")


@pytest.mark.parametrize("name", ["", "..", ".hidden", "Flights", "a/b", "../flights", "a b", "é"])
def test_a_name_that_no_model_may_have_is_refused(store, name):
    with pytest.raises(ConfigError, match="cannot name a model"):
        store.add_blob(name, b"x")
    assert not Path(store.url).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, '{"version": "x"}', '{"route": {"3": 90}}'])
def test_a_damaged_alias_is_rejected_by_name(store, content):
    store.add_version(MANIFEST)
    store.set_alias("flights", "production", 1, by="ann")
    Path(store.url, "flights", "aliases", "production", "1.json").write_text(content)
    with pytest.raises(ModelRejected, match="alias 'production' of flights"):
        store.alias("flights", "production")


def test_a_blob_comes_back_and_may_be_added_again(store):
    blob = store.add_blob("flights", b"content")
    assert store.add_blob("flights", b"content") == blob
    assert store.read_blob("flights", blob) == b"content"
    assert files_of(store) == [f"flights/blobs/{blob.sha256}"]


@pytest.mark.parametrize(("damaged", "message"), [(b"conten", "6 bytes, but should have 7"), (b"cOntent", "sha256")])
def test_a_damaged_blob_is_rejected(store, damaged, message):
    blob = store.add_blob("flights", b"content")
    Path(store.url, "flights", "blobs", blob.sha256).write_bytes(damaged)
    with pytest.raises(ModelRejected, match=message):
        store.read_blob("flights", blob)
    with pytest.raises(ModelRejected, match=message):
        store.add_blob("flights", b"content")


def test_a_missing_blob_is_rejected(store):
    with pytest.raises(ModelRejected, match="missing from the store"):
        store.read_blob("flights", Blob.of(b"content"))


def test_a_publisher_that_dies_before_the_name_is_given_leaves_nothing_that_counts(store, monkeypatch):
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    store.add_version(MANIFEST)
    before = files_of(store)
    monkeypatch.setattr(os, "link", die)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # as after a kill -9, the half-done file stays
    with pytest.raises(KeyboardInterrupt):
        store.add_version(MANIFEST)
    monkeypatch.undo()
    assert len(files_of(store)) == len(before) + 1
    assert store.versions("flights") == (1,)
    assert store.add_version(MANIFEST).version == 2


def test_foreign_files_are_not_taken_for_versions(store):
    store.add_version(MANIFEST)
    folder = Path(store.url, "flights", "versions")
    for name in ("README.md", "01.json", "x.json", ".abc.tmp", "2.json.bak"):
        (folder / name).write_text("?")
    Path(store.url, "notes.txt").write_text("?")
    Path(store.url, "Upper").mkdir()
    assert store.versions("flights") == (1,)
    assert store.names() == ("flights",)


@pytest.mark.parametrize("place", ["versions/1.json", "aliases/production/1.json"])
def test_a_folder_in_the_place_of_a_file_is_rejected_and_not_taken_for_an_absent_store(store, place):
    store.add_version(MANIFEST)
    store.set_alias("flights", "production", 1, by="ann")
    path = Path(store.url, "flights", place)
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelRejected, match=f"{place} of the model store is no file"):
        store.manifest("flights", store.alias("flights", "production").only)


def test_a_file_in_the_place_of_the_blobs_folder_is_rejected(store):
    Path(store.url, "flights").mkdir(parents=True)
    Path(store.url, "flights", "blobs").write_bytes(b"")
    with pytest.raises(ModelRejected, match="is no file"):
        store.read_blob("flights", Blob.of(b"content"))


def test_a_manifest_that_was_cut_is_rejected_and_the_others_stay(store):
    store.add_version(MANIFEST)
    store.add_version(MANIFEST)
    path = Path(store.url, "flights", "versions", "1.json")
    path.write_bytes(encode_manifest(MANIFEST)[:100])
    with pytest.raises(ModelRejected, match="manifest of flights 1 is damaged"):
        store.manifest("flights", 1)
    assert store.manifest("flights", 2).version == 2


@pytest.mark.parametrize(("error", "expected"), [(PermissionError("no"), Refused), (OSError("gone"), Unavailable)])
def test_a_store_that_fails_says_whether_to_try_again(store, monkeypatch, error, expected):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(store._objects._files, "ls", fail)
    with pytest.raises(expected):
        store.names()


def test_what_is_published_can_be_listed_with_its_facts(store):
    manifest = put_version(store, "tiny", train("binary"))
    assert store.manifest("tiny", 1) == manifest


def meanings(store, alias="production"):
    return [entry.route.only for entry in store.history("flights", alias)]


def test_a_rollback_goes_back_one_change_and_the_next_one_another(store):
    """The history grows; nothing in it is changed."""
    for _ in range(3):
        store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
    assert store.rollback("flights", "production", by="you").route.only == 2
    assert store.rollback("flights", "production", by="you").route.only == 1
    assert meanings(store) == [1, 2, 3, 2, 1]
    assert [entry.repeats for entry in store.history("flights", "production")] == [None, None, None, 2, 1]
    with pytest.raises(ModelNotFound, match="no way back"):
        store.rollback("flights", "production", by="you")


def test_after_a_rollback_and_a_new_change_a_rollback_undoes_that_change(store):
    for _ in range(3):
        store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
    store.rollback("flights", "production", by="me")
    store.set_alias("flights", "production", 3, by="me")
    store.rollback("flights", "production", by="me")
    assert meanings(store) == [1, 2, 3, 2, 3, 2]


def test_a_rollback_passes_over_changes_to_the_version_that_was_meant_already(store):
    for version in (store.add_version(MANIFEST).version, store.add_version(MANIFEST).version, 2):
        store.set_alias("flights", "production", version, by="me")
    assert store.rollback("flights", "production", by="me").route.only == 1


def test_a_rollback_to_a_deleted_version_is_refused(store):
    for _ in range(2):
        store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
    store.delete("flights", 1, by="me")
    with pytest.raises(ModelNotFound, match=r"but version 1 was deleted; .* production VERSION"):
        store.rollback("flights", "production", by="me")
    with pytest.raises(ModelNotFound, match="models alias flights canary 2"):
        store.rollback("flights", "canary", by="me")


def test_a_deleted_version_is_gone_for_good(store):
    for _ in range(2):
        store.add_version(MANIFEST)
    store.delete("flights", 2, by="me")
    assert store.versions("flights") == (1,)
    for again in (2, 3):
        with pytest.raises(ModelNotFound, match=f"no version {again} of flights; the latest are 1"):
            store.delete("flights", again, by="me")
    with pytest.raises(ModelNotFound, match="no version 2"):
        store.set_alias("flights", "production", 2, by="me")
    assert store.add_version(MANIFEST).version == 3


def test_what_an_alias_means_cannot_be_deleted(store):
    store.add_version(MANIFEST)
    store.set_alias("flights", "production", 1, by="me")
    with pytest.raises(ConfigError, match=r"is what production means.*models alias flights production VERSION"):
        store.delete("flights", 1, by="me")
    store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
    store.delete("flights", 1, by="me")
    assert store.versions("flights") == (2,)


def test_an_alias_that_is_moved_to_a_version_while_it_is_deleted_is_told_of(store, monkeypatch):
    """No store needs compare-and-swap, so whoever comes second says so."""
    store.add_version(MANIFEST)
    create = store._objects.create

    def create_late(file, data):
        if file.endswith(".deleted.json"):
            monkeypatch.undo()
            store.set_alias("flights", "canary", 1, by="you")
        return create(file, data)

    monkeypatch.setattr(store._objects, "create", create_late)
    with pytest.raises(ModelRejected, match=r"canary was made to mean it; .*models alias flights canary VERSION"):
        store.delete("flights", 1, by="me")


def test_a_version_that_is_deleted_while_an_alias_is_moved_to_it_is_told_of(store, monkeypatch):
    store.add_version(MANIFEST)
    create = store._objects.create

    def create_late(file, data):
        if "/aliases/" in file:
            monkeypatch.undo()
            store.delete("flights", 1, by="you")
        return create(file, data)

    monkeypatch.setattr(store._objects, "create", create_late)
    with pytest.raises(ModelRejected, match="version 1 of flights was deleted while canary was made to mean it"):
        store.set_alias("flights", "canary", 1, by="me")


def test_a_rollback_undoes_nothing_that_it_has_not_seen(store, monkeypatch):
    """Somebody moves the alias between its look and its entry: then it goes back from there."""
    for _ in range(3):
        store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
    create = store._objects.create

    def create_late(file, data):
        monkeypatch.undo()
        store.set_alias("flights", "production", 1, by="you")
        return create(file, data)

    monkeypatch.setattr(store._objects, "create", create_late)
    assert store.rollback("flights", "production", by="me").route.only == 3
    assert meanings(store) == [1, 2, 3, 1, 3]


def test_an_alias_can_be_a_route_and_goes_back_from_it(store):
    for _ in range(3):
        store.add_version(MANIFEST)
    canary = Route.of({2: 10, 1: 90}, (3,))
    store.set_alias("flights", "production", 1, by="me")
    store.set_alias("flights", "production", canary, by="you")
    assert ModelStore(store.url).alias("flights", "production") == canary
    assert store.aliases("flights") == {"production": canary}
    assert store.rollback("flights", "production", by="me").route == Route.to(1)
    assert [entry.route for entry in store.history("flights", "production")] == [Route.to(1), canary, Route.to(1)]


def test_a_version_with_a_shadow_is_a_route_too(store):
    store.add_version(MANIFEST)
    store.add_version(MANIFEST)
    store.set_alias("flights", "production", Route.of({1: 1}, (2,)), by="me")
    assert store.alias("flights", "production").shadows == (2,)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_nothing_that_a_route_names_is_deleted(store, version):
    for _ in range(3):
        store.add_version(MANIFEST)
    store.set_alias("flights", "production", Route.of({1: 1, 2: 1}, (3,)), by="me")
    with pytest.raises(ConfigError, match=rf"version {version} of flights is what production means, or a part of it"):
        store.delete("flights", version, by="me")


def test_a_route_names_only_versions_that_are_there(store):
    store.add_version(MANIFEST)
    for route in (Route.of({1: 1, 2: 1}), Route.of({1: 1}, (2,))):
        with pytest.raises(ModelNotFound, match="no version 2 of flights"):
            store.set_alias("flights", "production", route, by="me")
    assert store.aliases("flights") == {}


@pytest.mark.parametrize(
    "content",
    [
        b'{"set_at": "2026", "by": "me"}',
        b'{"set_at": "2026", "by": "me", "route": {"weights": {}}}',
        b'{"set_at": "2026", "by": "me", "route": {"weights": {"1": 0}}}',
        b'{"set_at": "2026", "by": "me", "route": {"weights": {"one": 1}}}',
        b'{"set_at": "2026", "by": "me", "route": {"weights": {"1": 1}, "shadows": [1]}}',
    ],
)
def test_a_damaged_route_is_named(store, content):
    store.add_version(MANIFEST)
    path = Path(store.url, "flights", "aliases", "production", "1.json")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ModelRejected, match="entry 1 of alias 'production' of flights cannot be used"):
        store.alias("flights", "production")
