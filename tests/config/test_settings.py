"""Settings: what they are without a word, what they become, and everything that is wrong with them at once."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from scoreline.config import conflicts
from scoreline.config.environment import Variable
from scoreline.config.roles import Role
from scoreline.config.settings import SECRETS, Settings, load_settings
from scoreline.errors import ConfigError
from scoreline.http.access_log import AccessLogMode
from scoreline.schemas.framing import Framing
from scoreline.scoring import Tombstones

BROKER = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}


def load(roles=(), **values):
    return load_settings(roles, variables=[Variable(f"SCORELINE_{k}", v, "environment") for k, v in values.items()])


def problems_of(roles=(), **values):
    with pytest.raises(ConfigError) as caught:
        load(roles, **values)
    return caught.value.problems


def test_a_broker_is_all_that_the_service_has_to_be_told():
    settings = load(list(Role), **BROKER)

    assert settings.kafka_bootstrap_servers == "kafka:9092"
    assert (settings.input_topic, settings.output_topic) == ("features", "predictions")


def test_the_dead_letter_topic_follows_the_input_topic():
    assert load(INPUT_TOPIC="flights").dead_letter_topic == "flights.dead-letters"
    assert load(INPUT_TOPIC="flights", DEAD_LETTER_TOPIC="morgue").dead_letter_topic == "morgue"


def test_the_topics_of_a_redrive_follow_the_input_and_the_dead_letters():
    settings = load(INPUT_TOPIC="flights", DEAD_LETTER_TOPIC="morgue")

    assert (settings.redrive_topic, settings.redriven_topic) == ("flights.redrive", "morgue.redriven")
    assert load(REDRIVE_TOPIC="again").redrive_topic == "again"


def test_the_group_follows_the_model_that_is_served():
    assert load().group_for("delays") == "scoreline-delays"
    assert load(GROUP_ID="mine").group_for("delays") == "mine"


@pytest.mark.parametrize(
    ("text", "count"), [("4 MiB", 4 << 20), ("512KiB", 512 << 10), ("1000", 1000), ("1 MB", 10**6)]
)
def test_sizes_may_have_units(text, count):
    assert load(BATCH_MAX_BYTES=text).batch_max_bytes == count


@pytest.mark.parametrize(("text", "value"), [("true", True), ("0", False), ("yes", True), ("off", False)])
def test_switches_take_the_usual_words(text, value):
    assert load(OUTPUT_HEADERS=text).output_headers is value


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load().http_port = 1


def test_every_problem_is_told_at_once():
    problems = problems_of(
        list(Role),
        INPUT_TOPC="flights",
        HTTP_PORT="eighty",
        DELIVERY="at-most-once",
        OUTPUT_TOPIC="a b",
        HTTP_HOST="0.0.0.0",  # noqa: S104 - the rule about it is what is tested
        KAFKA_SASL_USRNAME="me",
        PRODUCER_ACKS="1",
        SCHEMA_REGISTRY_TOKEN_FILE="/nowhere",
    )

    assert len(problems) == 9
    starts = {problem.split(":")[0].split(" ")[0].split("=")[0].removeprefix("SCORELINE_") for problem in problems}
    assert starts == {
        "INPUT_TOPC", "HTTP_PORT", "DELIVERY", "OUTPUT_TOPIC", "HTTP_HOST", "KAFKA_SASL_USRNAME", "PRODUCER_ACKS",
        "SCHEMA_REGISTRY_TOKEN_FILE", "KAFKA_BOOTSTRAP_SERVERS",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DELIVERY", "sometimes", "at-least-once"),
        ("HTTP_PORT", "70000", "65535"),
        ("BATCH_MAX_RECORDS", "0", "greater than or equal to 1"),
        ("BATCH_MAX_BYTES", "4 bananas", "such as 4 MiB or 4194304"),
        ("BATCH_MAX_BYTES", "-1", "such as 4 MiB or 4194304"),
        ("BATCH_MAX_BYTES", "0", "at least 1 byte"),
        ("HTTP_TIMEOUT_SECONDS", "nan", "finite"),
        ("HTTP_TIMEOUT_SECONDS", "0", "greater than 0"),
        ("MODEL_ALIAS", "latest", "is not `latest`"),
        ("INPUT_FORMAT", "json", "'confluent' or 'single-object'"),
        ("SCHEMA_REGISTRY_URL", "localhost:8081", "http://"),
        ("SCHEMA_REGISTRY_URL", "http://me:secret@registry:8081", "not into the URL"),
        ("TOMBSTONES", "bury", "'dead-letter', 'skip' or 'forward'"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_what_was_expected(name, value, expected):
    (problem,) = problems_of(**{name: value})

    assert problem.startswith(f"SCORELINE_{name}: ")
    assert expected in problem


def test_an_unknown_variable_names_the_nearest_known_one():
    assert problems_of(INPUT_TOPC="x") == (
        "SCORELINE_INPUT_TOPC: there is no such variable; did you mean SCORELINE_INPUT_TOPIC?",
    )
    assert problems_of(HTTP_TOKEN_FILE="x")[0].endswith("did you mean SCORELINE_HTTP_TOKENS_FILE?")
    assert problems_of(ZZZZZZZZZZZZZZ="x")[0].endswith("docs/operations.md lists all that there are")


def test_lower_case_is_not_another_spelling():
    variable = Variable("SCORELINE_input_topic", "x", "environment")
    with pytest.raises(ConfigError, match="did you mean SCORELINE_INPUT_TOPIC"):
        load_settings(variables=[variable])


def test_settings_made_by_hand_do_not_look_at_the_environment(monkeypatch):
    monkeypatch.setenv("SCORELINE_INPUT_TOPIC", "surprise")

    assert Settings().input_topic == "features"


@pytest.mark.parametrize(
    ("field", "words"), [("input_format", Framing), ("tombstones", Tombstones), ("http_access_log", AccessLogMode)]
)
def test_the_words_of_a_choice_are_those_that_the_code_knows(field, words):
    annotation = Settings.model_fields[field].annotation

    assert set(get_args(annotation)) == {word.value for word in words}


SECRET_VALUES = {
    "SCHEMA_REGISTRY_URL": "https://registry",
    "SCHEMA_REGISTRY_USERNAME": "me",
    "SCHEMA_REGISTRY_PASSWORD": "hunter2",
    "HTTP_TOKENS": "predict:hunter2,admin:hunter2too",
    "KAFKA_SASL_PASSWORD": "hunter2",
    "PRODUCER_SSL_KEY_PEM": "hunter2",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": "hunter2",
}


class TestSecrets:
    def test_are_never_shown(self):
        settings = load(**SECRET_VALUES)

        assert "hunter2" not in repr(settings) + str(settings) + repr(settings.effective())
        assert "hunter2" not in repr(settings.http_tokens)
        assert settings.schema_registry_password == "hunter2"

    def test_credentials_in_the_url_of_the_model_store_are_shown_nowhere(self):
        settings = load(**BROKER, MODEL_STORE="ftp://ann:hunter2@host/models")
        assert "hunter2" not in repr(settings) + str(settings) + repr(settings.effective())
        assert settings.effective()["SCORELINE_MODEL_STORE"].value == "ftp://***@host/models"
        assert settings.model_store == "ftp://ann:hunter2@host/models"

    def test_are_not_shown_by_a_complaint(self):
        problems = problems_of(
            HTTP_TOKENS="hunter2,predict:ok",
            KAFKA_SASL_PASSWRD="hunter2",
            PORTS="hunter2",
            SCHEMA_REGISTRY_URL="http://me:hunter2@registry",
        )

        assert len(problems) == 4
        assert "hunter2" not in "".join(problems)

    @pytest.mark.parametrize("name", sorted(SECRETS))
    def test_may_come_from_a_file(self, name, tmp_path):
        text = "predict:hunter2" if name == "http_tokens" else "hunter2"
        (tmp_path / "secret").write_text(f"{text}\n")
        needed = {"SCHEMA_REGISTRY_URL": "http://r"} if name.startswith("schema") else {}
        needed |= {"SCHEMA_REGISTRY_USERNAME": "me"} if name == "schema_registry_password" else {}

        settings = load(**needed, **{f"{name.upper()}_FILE": str(tmp_path / "secret")})

        value = getattr(settings, name)
        assert (value[0].value if name == "http_tokens" else value) == "hunter2"
        assert settings.effective()[f"SCORELINE_{name.upper()}"] == ("***", f"file {tmp_path / 'secret'}")

    def test_given_twice_are_refused(self, tmp_path):
        (tmp_path / "secret").write_text("predict:a")

        problems = problems_of(HTTP_TOKENS="predict:b", HTTP_TOKENS_FILE=str(tmp_path / "secret"))

        assert problems == ("SCORELINE_HTTP_TOKENS and SCORELINE_HTTP_TOKENS_FILE are both set; keep one",)

    @pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"], ids=["absent", "empty", "blank", "binary"])
    def test_in_a_file_that_says_nothing_are_refused_once(self, content, tmp_path):
        """A password that could not be read is not also complained about as missing beside its user name."""
        path = tmp_path / "secret"
        if content is not None:
            path.write_bytes(content)

        (problem,) = problems_of(
            SCHEMA_REGISTRY_URL="http://r", SCHEMA_REGISTRY_USERNAME="me", SCHEMA_REGISTRY_PASSWORD_FILE=str(path)
        )

        assert problem.startswith(f"SCORELINE_SCHEMA_REGISTRY_PASSWORD_FILE: {path}")


class TestEffective:
    def test_shows_every_variable_with_its_value_and_where_it_came_from(self):
        shown = load(**BROKER, CONSUMER_FETCH_MIN_BYTES="7").effective()

        assert set(shown) == {
            *(f"SCORELINE_{name.upper()}" for name in Settings.variable_fields()),
            "SCORELINE_CONSUMER_FETCH_MIN_BYTES",
        }
        assert shown["SCORELINE_KAFKA_BOOTSTRAP_SERVERS"] == ("kafka:9092", "environment")
        assert shown["SCORELINE_CONSUMER_FETCH_MIN_BYTES"] == ("7", "environment")
        assert shown["SCORELINE_SCHEMA_AUTO_REGISTER"] == ("true", "default")
        assert shown["SCORELINE_SCHEMA_REGISTRY_URL"] == ("none", "default")

    def test_shows_the_group_that_will_be_used(self):
        assert load().effective()["SCORELINE_GROUP_ID"].value == "scoreline-<model>"
        assert load(MODEL="delays").effective()["SCORELINE_GROUP_ID"].value == "scoreline-delays"

    def test_shows_nothing_that_cannot_be_set(self):
        assert (
            load(cache_dir="x")
            if False
            else set(load().effective()) == {f"SCORELINE_{name.upper()}" for name in Settings.variable_fields()}
        )


class TestConflicts:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "sidecar.internal"])  # noqa: S104 - see above
    def test_an_open_door_is_refused_only_for_the_http_role(self, host):
        (problem,) = problems_of([Role.HTTP], HTTP_HOST=host)

        assert "SCORELINE_HTTP_TOKENS" in problem
        assert load([Role.STREAM], HTTP_HOST=host, **BROKER).http_host == host
        assert load([Role.HTTP], HTTP_HOST=host, HTTP_AUTH="none").http_host == host
        assert load([Role.HTTP], HTTP_HOST=host, HTTP_TOKENS="predict:t").http_host == host

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
    def test_loopback_needs_no_token(self, host):
        assert load([Role.HTTP], HTTP_HOST=host).http_host == host

    @pytest.mark.parametrize("topic", ["JOBS_TOPIC", "LABELS_TOPIC"])
    def test_topics_are_compared_when_all_of_them_are_names(self, topic):
        (problem,) = problems_of([], **{topic: "no topic", "OUTPUT_TOPIC": "features"})
        assert topic in problem

    def test_only_the_stream_role_needs_a_broker(self):
        assert load([Role.HTTP]).kafka_bootstrap_servers is None
        assert "KAFKA_BOOTSTRAP_SERVERS is not set" in problems_of([Role.STREAM])[0]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({"METRICS_AUTH": "token"}, "METRICS_AUTH=token needs a token"),
            ({"HTTP_AUTH": "none", "HTTP_TOKENS": "predict:t"}, "keep one"),
            ({"HTTP_TLS_CERT": "cert.pem"}, "belong together"),
            ({"OUTPUT_TOPIC": "features"}, "SCORELINE_INPUT_TOPIC and SCORELINE_OUTPUT_TOPIC name the same topic"),
            ({"INPUT_TOPIC": "i" * 240}, "set SCORELINE_DEAD_LETTER_TOPIC"),
            ({"INPUT_TOPIC": "i" * 230}, "SCORELINE_DEAD_LETTER_TOPIC is so long"),
            ({"INPUT_TOPIC": "i" * 245, "DEAD_LETTER_TOPIC": "d"}, "set SCORELINE_REDRIVE_TOPIC"),
            ({"REDRIVE_TOPIC": "features"}, "SCORELINE_INPUT_TOPIC and SCORELINE_REDRIVE_TOPIC name the same topic"),
            ({"OUTPUT_TOPIC": "features.dead-letters.redriven"}, "SCORELINE_DEAD_LETTER_TOPIC with .redriven name"),
            (
                {"INPUT_TOPIC": "x.shadow", "OUTPUT_TOPIC": "x"},
                "SCORELINE_INPUT_TOPIC and SCORELINE_OUTPUT_TOPIC with .shadow name the same topic (x.shadow)",
            ),
            ({"OUTPUT_TOPIC": "o" * 245}, "SCORELINE_OUTPUT_TOPIC is so long"),
            ({"LABELS_TOPIC": "features"}, "SCORELINE_INPUT_TOPIC and SCORELINE_LABELS_TOPIC name the same topic"),
            ({"JOB_EVENTS_TOPIC": "jobs"}, "SCORELINE_JOBS_TOPIC and SCORELINE_JOB_EVENTS_TOPIC name the same topic"),
            (
                {"DRIFT_EVENTS_TOPIC": "jobs"},
                "SCORELINE_JOBS_TOPIC and SCORELINE_DRIFT_EVENTS_TOPIC name the same",
            ),
            ({"OUTPUT_TOPIC": "jobs.bulk"}, "SCORELINE_OUTPUT_TOPIC and SCORELINE_JOBS_BULK_TOPIC name the same topic"),
            ({"JOBS_TOPIC": "j" * 240}, "SCORELINE_JOBS_TOPIC is so long"),
            ({"JOBS_MAX_LINE_BYTES": "100 MB"}, "SCORELINE_PRODUCER_MESSAGE_MAX_BYTES"),
            (
                {"PRODUCER_MESSAGE_MAX_BYTES": "1000000"},
                "JOBS_MAX_LINE_BYTES=1048576 needs messages of up to 1310720 bytes",
            ),
            ({"SCHEMA_REGISTRY_URL": "http://r", "SCHEMA_REGISTRY_USERNAME": "me"}, "belong together"),
            ({"SCHEMA_REGISTRY_TOKEN": "t"}, "needs SCORELINE_SCHEMA_REGISTRY_URL"),
            ({"INPUT_FORMAT": "single-object", "SCHEMA_REGISTRY_URL": "http://r"}, "SCORELINE_SCHEMA_DIR only"),
            ({"KAFKA_SASL_MECHANISM": "OAUTHBEARER"}, "set SCORELINE_KAFKA_SASL_OAUTHBEARER_METHOD=oidc"),
            (
                {
                    "SCHEMA_REGISTRY_URL": "http://r",
                    "SCHEMA_REGISTRY_USERNAME": "me",
                    "SCHEMA_REGISTRY_PASSWORD": "p",
                    "SCHEMA_REGISTRY_TOKEN": "t",
                },
                "both set",
            ),
        ],
    )
    def test_settings_that_contradict_each_other_are_refused(self, values, expected):
        (problem,) = problems_of(**values)

        assert expected in problem

    @pytest.mark.parametrize("source", ["SASL_OAUTHBEARER_METHOD=oidc", "ENABLE_SASL_OAUTHBEARER_UNSECURE_JWT=true"])
    def test_a_token_that_comes_from_somewhere_is_none(self, source):
        name, value = source.split("=")
        assert load(**{"KAFKA_SASL_MECHANISM": "OAUTHBEARER", f"KAFKA_{name}": value})

    def test_an_engine_whose_packages_are_missing_is_refused_with_what_to_install(self, monkeypatch):
        assert load(MODEL_ENGINE="compiled").model_engine == "compiled"
        monkeypatch.setattr(conflicts, "COMPILER_PACKAGES", ("lleaves", "no_such_package"))
        (problem,) = problems_of(MODEL_ENGINE="compiled")
        assert "pip install 'scoreline[compiled]'" in problem
        assert load(MODEL_ENGINE="lightgbm").model_engine == "lightgbm"

    @pytest.mark.parametrize("missing", ["no_such_package.trace", "opentelemetry.no_such_module"])
    def test_traces_whose_packages_are_missing_are_refused_with_what_to_install(self, missing, monkeypatch):
        assert load(TRACES="otlp").traces == "otlp"
        monkeypatch.setattr(conflicts, "TRACING_MODULES", ("opentelemetry.sdk.trace", missing))
        (problem,) = problems_of(TRACES="otlp")
        assert "pip install 'scoreline[otel]'" in problem
        assert load(TRACES="none").traces == "none"

    def test_are_not_looked_for_in_values_that_are_wrong_already(self):
        (problem,) = problems_of([Role.HTTP], HTTP_HOST="0.0.0.0", HTTP_TOKENS="oops")  # noqa: S104 - see above

        assert problem.startswith("SCORELINE_HTTP_TOKENS: entry 1")


def test_tokens_say_what_they_open():
    tokens = load(HTTP_TOKENS="predict:abc,\n admin:x:y").http_tokens

    assert [(t.access, t.value) for t in tokens] == [("predict", "abc"), ("admin", "x:y")]


def test_paths_are_kept_as_they_are_written():
    assert load(SCHEMA_DIR="some/where").schema_dir == Path("some/where")
