import json
from pathlib import Path

import pytest

from scoreline.errors import ConfigError, SchemaError, SchemaNotFound, Unavailable
from scoreline.schemas.fixed import FIRST_FIXED_ID, FIXED_IDS, PREDICTION_ID, load_fixed, prediction_schema
from scoreline.schemas.folder import MAX_ID, FolderCatalog, write_schema
from scoreline.schemas.framing import fingerprint_of
from scoreline.schemas.parsing import are_equal, parse_schema_text, to_text


def schema_text(*fields: str, kind: object = "double", name: str = "a.B") -> str:
    return json.dumps({"type": "record", "name": name, "fields": [{"name": f, "type": kind} for f in fields]})


def schema(*fields: str, **kwargs):
    return parse_schema_text(schema_text(*fields, **kwargs))


def put(root: Path, place: str, text: str = schema_text("x")) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("place", "text", "problem"),
    [
        ("loose.avsc", schema_text("x"), "<subject>/<id>.avsc"),
        ("s/latest.avsc", schema_text("x"), "whole number from 1"),
        ("s/0.avsc", schema_text("x"), "whole number from 1"),
        ("s/007.avsc", schema_text("x"), "whole number from 1"),
        (f"s/{MAX_ID + 1}.avsc", schema_text("x"), "whole number from 1"),
        ("s/1.avsc", "{", "not a valid Avro schema"),
        (f"s/{PREDICTION_ID}.avsc", schema_text("x"), "ships with the package"),
    ],
)
def test_a_file_that_cannot_be_a_schema_is_named(tmp_path, place, text, problem):
    path = put(tmp_path, place, text)

    with pytest.raises(ConfigError, match=problem) as caught:
        FolderCatalog(tmp_path)

    assert str(path) in str(caught.value)


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = put(tmp_path, "s/1.avsc")
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="cannot be read"):
        FolderCatalog(tmp_path)


def test_every_problem_is_reported_at_once(tmp_path):
    put(tmp_path, "s/1.avsc", "{")
    put(tmp_path, "t/2.avsc", "[")

    with pytest.raises(ConfigError) as caught:
        FolderCatalog(tmp_path)

    assert len(caught.value.problems) == 2


def test_two_files_of_one_id_are_both_named(tmp_path):
    one = put(tmp_path, "s/7.avsc")
    other = put(tmp_path, "t/7.avsc")

    with pytest.raises(ConfigError) as caught:
        FolderCatalog(tmp_path)

    assert str(one) in str(caught.value)
    assert str(other) in str(caught.value)


def test_a_fixed_id_may_lie_under_several_subjects(tmp_path):
    for subject in ("predictions-value", "predictions.shadow-value"):
        put(tmp_path, f"{subject}/{PREDICTION_ID}.avsc", to_text(prediction_schema()))

    catalog = FolderCatalog(tmp_path)

    assert catalog.find_writer(PREDICTION_ID) is prediction_schema()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    path = put(tmp_path, "file")

    with pytest.raises(ConfigError, match="has to be a folder"):
        FolderCatalog(path)


def test_a_folder_that_does_not_exist_has_what_ships_with_the_package(tmp_path):
    catalog = FolderCatalog(tmp_path / "none")

    for fixed in FIXED_IDS:
        assert fixed >= FIRST_FIXED_ID
        assert catalog.find_fingerprint(fingerprint_of(load_fixed(fixed))) is catalog.find_writer(fixed)
        assert catalog.id_of_output("any-value", load_fixed(fixed)) == fixed
    assert not (tmp_path / "none").exists()


def test_an_equal_schema_under_the_subject_wins_over_the_fixed_id(tmp_path):
    put(tmp_path, "predictions-value/5.avsc", to_text(prediction_schema()))

    catalog = FolderCatalog(tmp_path)

    assert catalog.id_of_output("predictions-value", prediction_schema()) == 5
    assert catalog.id_of_output("others-value", prediction_schema()) == PREDICTION_ID


def test_an_output_that_nobody_has_put_there_is_not_found(tmp_path):
    put(tmp_path, "other-value/1.avsc", schema_text("x"))

    with pytest.raises(SchemaNotFound, match="predictions-value"):
        FolderCatalog(tmp_path).id_of_output("predictions-value", schema("x"))


def test_files_of_other_kinds_do_not_matter(tmp_path):
    put(tmp_path, "s/README.md", "{")
    put(tmp_path, "notes.txt", "{")

    assert FolderCatalog(tmp_path).stored == ()


def test_an_unknown_id_does_not_look_at_the_folder_again_within_the_interval(tmp_path):
    clock = Clock()
    catalog = FolderCatalog(tmp_path, clock=clock, rescan_seconds=2)
    put(tmp_path, "s/1.avsc")

    with pytest.raises(SchemaNotFound):
        catalog.find_writer(1)
    clock.now += 2
    assert are_equal(catalog.find_writer(1), schema("x"))


def test_a_schema_that_is_put_there_later_is_found_by_its_fingerprint(tmp_path):
    clock = Clock()
    catalog = FolderCatalog(tmp_path, clock=clock)
    clock.now += 10
    put(tmp_path, "s/1.avsc")

    assert are_equal(catalog.find_fingerprint(fingerprint_of(schema("x"))), schema("x"))


def test_a_file_that_is_half_written_is_waited_for_and_harms_no_other(tmp_path):
    clock = Clock()
    put(tmp_path, "s/1.avsc")
    catalog = FolderCatalog(tmp_path, clock=clock)
    half = put(tmp_path, "s/2.avsc", schema_text("y")[:20])
    clock.now += 10

    with pytest.raises(Unavailable, match=r"2\.avsc"):
        catalog.find_writer(2)
    with pytest.raises(Unavailable, match=r"2\.avsc"):
        catalog.find_fingerprint(fingerprint_of(schema("y")))
    with pytest.raises(SchemaNotFound):
        catalog.find_writer(3)
    assert are_equal(catalog.find_writer(1), schema("x"))
    assert are_equal(catalog.latest("s"), schema("x"))

    half.write_text(schema_text("y"))
    clock.now += 10
    assert are_equal(catalog.find_writer(2), schema("y"))


def test_a_schema_that_was_read_stays_as_it_was_read(tmp_path):
    clock = Clock()
    path = put(tmp_path, "s/1.avsc")
    catalog = FolderCatalog(tmp_path, clock=clock)
    path.write_text(schema_text("other"))
    clock.now += 10

    assert are_equal(catalog.latest("s"), schema("x"))


def test_one_fingerprint_with_two_meanings_is_refused(tmp_path):
    """A fingerprint does not cover logical types, so a decimal could be read with the wrong scale."""
    put(
        tmp_path,
        "s/1.avsc",
        schema_text("x", kind={"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
    )
    put(
        tmp_path,
        "s/2.avsc",
        schema_text("x", kind={"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}),
    )
    catalog = FolderCatalog(tmp_path)

    with pytest.raises(SchemaError, match=r"1\.avsc, .*2\.avsc"):
        catalog.find_fingerprint(fingerprint_of(schema("x", kind="bytes")))


def test_one_fingerprint_in_two_subjects_is_found(tmp_path):
    put(tmp_path, "s/1.avsc")
    put(tmp_path, "t/2.avsc")

    assert are_equal(FolderCatalog(tmp_path).find_fingerprint(fingerprint_of(schema("x"))), schema("x"))


def test_the_latest_is_that_with_the_highest_id_as_a_number(tmp_path):
    for schema_id in (2, 10, 9):
        put(tmp_path, f"s/{schema_id}.avsc", schema_text(f"x{schema_id}"))

    assert are_equal(FolderCatalog(tmp_path).latest("s"), schema("x10"))


def test_a_written_schema_gets_the_next_id_over_all_subjects(tmp_path):
    assert write_schema(tmp_path / "schemas", "s", schema("x")) == 1
    assert write_schema(tmp_path / "schemas", "t", schema("y")) == 2
    assert write_schema(tmp_path / "schemas", "predictions-value", prediction_schema()) == PREDICTION_ID
    assert write_schema(tmp_path / "schemas", "s", schema("z")) == 3
    assert are_equal(FolderCatalog(tmp_path / "schemas").latest("s"), schema("z"))


def test_writing_again_changes_nothing(tmp_path):
    first = write_schema(tmp_path, "s", schema("x"), 9)
    before = (tmp_path / "s/9.avsc").stat()

    assert write_schema(tmp_path, "s", schema("x")) == first == 9
    assert (tmp_path / "s/9.avsc").stat() == before


def test_a_shipped_schema_of_an_earlier_release_stays(tmp_path):
    terse = to_text(prediction_schema()).replace("Name of the model.", "The name.")
    put(tmp_path, f"s/{PREDICTION_ID}.avsc", terse)

    assert write_schema(tmp_path, "s", prediction_schema()) == PREDICTION_ID
    assert "The name." in (tmp_path / f"s/{PREDICTION_ID}.avsc").read_text()


@pytest.mark.parametrize("subject", ["s", "t"])
def test_an_id_that_is_taken_is_refused(tmp_path, subject):
    write_schema(tmp_path, "s", schema("x"), 4)

    with pytest.raises(ConfigError, match=r"4\.avsc cannot be written"):
        write_schema(tmp_path, subject, schema("y"), 4)


@pytest.mark.parametrize("subject", ["", ".", "..", "a/b", "/etc"])
def test_a_subject_that_is_no_folder_name_is_refused(tmp_path, subject):
    with pytest.raises(ConfigError, match="cannot be the name of a folder"):
        write_schema(tmp_path, subject, schema("x"))

    assert list(tmp_path.iterdir()) == []
