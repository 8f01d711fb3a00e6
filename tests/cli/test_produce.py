"""What is sent of a file, and under which schema."""

import fastavro
import pytest

from scoreline.cli.encoding import RowEncoder
from scoreline.cli.produce import check_rows, choose_schema, describe_unknown, make_key, publish_schema
from scoreline.cli.row_problems import SHOWN_PROBLEMS
from scoreline.cli.rows import open_rows
from scoreline.config.settings import Settings
from scoreline.errors import ConfigError
from scoreline.schemas.folder import FolderCatalog, write_schema

SCHEMA = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}


def csv_of(tmp_path, text):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    return open_rows(path)


def container_of(tmp_path, schema, rows):
    with (tmp_path / "rows.avro").open("wb") as out:
        fastavro.writer(out, schema, rows)
    return open_rows(tmp_path / "rows.avro")


class TestSchema:
    def test_of_a_container_wins_over_the_topics(self, tmp_path):
        write_schema(tmp_path / "schemas", "features-value", fastavro.parse_schema({**SCHEMA, "name": "Other"}))
        catalog = FolderCatalog(tmp_path / "schemas")

        schema, origin = choose_schema(catalog, "features", container_of(tmp_path, SCHEMA, [{"a": 1}]))

        assert (schema["name"], origin) == ("R", "the file's own")

    def test_of_the_topic_wins_over_what_the_rows_look_like(self, tmp_path):
        write_schema(tmp_path / "schemas", "features-value", fastavro.parse_schema(SCHEMA))
        catalog = FolderCatalog(tmp_path / "schemas")

        schema, origin = choose_schema(catalog, "features", csv_of(tmp_path, "a\n1.5\n"))

        assert (schema["name"], origin) == ("R", "the newest of features-value")

    def test_is_made_from_the_rows_where_there_is_none(self, tmp_path):
        schema, origin = choose_schema(FolderCatalog(tmp_path / "schemas"), "features", csv_of(tmp_path, "a\n1.5\n"))

        assert schema["fields"] == [{"name": "a", "type": ["null", "double"], "default": None}]
        assert origin == "made from the rows"

    @pytest.mark.parametrize(
        ("form", "prefix"), [("confluent", b"\x00\x00\x00\x00\x01"), ("single-object", b"\xc3\x01")]
    )
    def test_is_put_where_readers_find_it_once(self, tmp_path, form, prefix):
        config, schema = Settings(schema_dir=tmp_path / "schemas", input_format=form), fastavro.parse_schema(SCHEMA)

        for _ in range(2):
            frame = publish_schema(config, FolderCatalog(tmp_path / "schemas"), "features-value", schema)
            assert frame.startswith(prefix)
        assert [s.schema for s in FolderCatalog(tmp_path / "schemas").stored] == [schema]

    def test_of_a_registry_is_asked_for_there(self, tmp_path):
        class Registry:
            def id_of_output(self, subject, schema):
                assert subject == "features-value"
                return 9

        config = Settings(schema_dir=tmp_path / "schemas", schema_registry_url="http://registry")

        assert publish_schema(config, Registry(), "features-value", SCHEMA) == b"\x00\x00\x00\x00\x09"
        assert not (tmp_path / "schemas").exists()

    def test_that_cannot_be_written_is_a_bad_configuration(self, tmp_path):
        (tmp_path / "file").write_text("")

        with pytest.raises(ConfigError):
            publish_schema(
                Settings(schema_dir=tmp_path / "file"), None, "features-value", fastavro.parse_schema(SCHEMA)
            )

    def test_has_to_be_a_record(self, tmp_path):
        write_schema(tmp_path / "schemas", "features-value", fastavro.parse_schema("long"))

        with pytest.raises(ConfigError, match="no record's schema"):
            choose_schema(FolderCatalog(tmp_path / "schemas"), "features", csv_of(tmp_path, "a\n1\n"))


class TestRows:
    @pytest.fixture
    def encoder(self):
        return RowEncoder(fastavro.parse_schema(SCHEMA), b"", as_text=True)

    def test_that_fit_are_counted(self, tmp_path, encoder):
        report = check_rows(encoder, csv_of(tmp_path, "a,b\n1,x\n2,y\n"), "b", ignore_unknown=True)

        assert (report.count, report.left_out) == (2, ("b",))

    def test_with_a_column_that_no_field_wants_are_refused_with_the_name_that_may_be_meant(self):
        (problem,) = describe_unknown(["speeed"], ["speed", "load"])

        assert "speeed" in problem
        assert "did you mean speed?" in problem
        assert "--ignore-unknown" in problem

    def test_with_a_mistyped_column_are_refused_for_that_too(self, tmp_path, encoder):
        """The field that it was meant for is missing in every row, which alone would tell little."""
        with pytest.raises(ConfigError) as caught:
            check_rows(encoder, csv_of(tmp_path, "aa\n1\n2\n"), None)

        unknown, missing = caught.value.problems
        assert "did you mean a?" in unknown
        assert missing.startswith(f"{tmp_path / 'rows.csv'}, lines 2, 3: ")

    def test_that_do_not_fit_are_told_with_their_lines(self, tmp_path, encoder):
        with pytest.raises(ConfigError) as caught:
            check_rows(encoder, csv_of(tmp_path, "a\n1\nx\n2\n1.5\n"), None)

        path = tmp_path / "rows.csv"
        assert caught.value.problems == (
            f"{path}, line 3: a: expected long, but it is 'x'",
            f"{path}, line 5: a: expected long, but it is '1.5'",
        )

    def test_that_do_not_fit_by_the_hundred_are_summed_up(self, tmp_path, encoder):
        with pytest.raises(ConfigError) as caught:
            check_rows(encoder, csv_of(tmp_path, "a\n" + "".join(f"x{n}\n" for n in range(100))), None)

        assert len(caught.value.problems) == SHOWN_PROBLEMS + 1
        assert caught.value.problems[-1].startswith("80 more rows")

    def test_have_to_be_there(self, tmp_path, encoder):
        with pytest.raises(ConfigError, match="has no rows"):
            check_rows(encoder, csv_of(tmp_path, "a\n"), None)

    def test_need_the_field_of_the_key(self, tmp_path, encoder):
        with pytest.raises(ConfigError, match="line 2: there is no field 'c' for the key"):
            check_rows(encoder, csv_of(tmp_path, "a\n1\n"), "c")


@pytest.mark.parametrize(
    ("row", "key"), [({"k": "UA"}, b"UA"), ({"k": 7}, b"7"), ({"k": None}, None), ({"k": "Zürich"}, "Zürich".encode())]
)
def test_a_key_is_the_text_of_its_field(row, key):
    assert make_key(row, "k") == key


def test_without_a_field_there_is_no_key():
    assert make_key({"k": 1}, None) is None
