"""docker-compose.yml and the Dockerfile against the code: every variable, port, topic, command and folder."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from scoreline.cli import main
from scoreline.config.environment import Variable
from scoreline.config.roles import Role
from scoreline.config.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("scoreline")]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def image_variables():
    """What the image sets, by name."""
    return dict(re.findall(r"(SCORELINE_\w+)=(\S+)", DOCKERFILE))


def settings_of(service):
    """The settings that a container of the service ends up with."""
    found = {**image_variables(), **SERVICES[service]["environment"]}
    return load_settings(list(Role), variables=[Variable(name, value, "compose") for name, value in found.items()])


def published(service):
    """(port on this machine, port in the container) of each published port, which has to be on loopback."""
    pairs = [entry.rpartition(":") for entry in SERVICES[service]["ports"]]
    assert all(outside.startswith("127.0.0.1:") for outside, _, _ in pairs)
    return [(int(outside.rpartition(":")[2]), int(inside)) for outside, _, inside in pairs]


def test_there_are_services_of_ours_to_check():
    assert "scoreline" in OURS
    assert len(OURS) >= 2


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_known_and_valid(service):
    assert settings_of(service).kafka_bootstrap_servers


@pytest.mark.parametrize("service", OURS)
def test_topics_are_the_ones_that_the_documentation_speaks_of(service):
    settings, defaults = settings_of(service), Settings()

    for topic in ("input_topic", "output_topic", "dead_letter_topic", "redrive_topic"):
        assert f"SCORELINE_{topic.upper()}" in SERVICES[service]["environment"]
        assert getattr(settings, topic) == getattr(defaults, topic)


@pytest.mark.parametrize("service", OURS)
def test_commands_are_ours(service, capsys):
    command = SERVICES[service]["command"]
    words = [word for word in command if not word.startswith("-") and not word.isdigit()]

    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in command if option.startswith("--"))


@pytest.mark.parametrize("service", OURS)
def test_folders_of_the_configuration_are_volumes(service):
    settings = settings_of(service)
    mounted = {entry.split(":")[1] for entry in SERVICES[service]["volumes"]}

    assert settings.model_store in mounted
    assert str(settings.schema_dir) in mounted
    assert {entry.split(":")[0] for entry in SERVICES[service]["volumes"] if entry[0] != "."} <= set(COMPOSE["volumes"])


def test_the_broker_tells_every_client_an_address_that_it_can_reach():
    variables = SERVICES["kafka"]["environment"]
    advertised = dict(entry.split("://") for entry in variables["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listening = dict(entry.split("://:") for entry in variables["KAFKA_LISTENERS"].split(","))

    assert settings_of("scoreline").kafka_bootstrap_servers == advertised["INSIDE"]
    assert advertised["INSIDE"] == f"kafka:{listening['INSIDE']}"
    ((outside, inside),) = published("kafka")
    assert advertised["OUTSIDE"] == f"127.0.0.1:{outside}"
    assert listening["OUTSIDE"] == str(inside)
    assert set(listening) == {
        entry.split(":")[0] for entry in variables["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    }


def test_the_brokers_own_health_check_asks_where_it_listens():
    assert SERVICES["kafka"]["healthcheck"]["test"][-1] == settings_of("scoreline").kafka_bootstrap_servers


def test_the_sidecar_is_published_where_it_listens():
    settings = settings_of("scoreline")

    assert settings.http_host == "0.0.0.0"  # noqa: S104 - within the container
    assert [inside for _, inside in published("scoreline")] == [settings.http_port]
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [str(Settings().http_port)]


def test_the_health_check_asks_our_sidecar():
    command = SERVICES["scoreline"]["healthcheck"]["test"][-1]
    (port, path) = re.search(r"http://127\.0\.0\.1:(\d+)(/[a-z/]*)", command).groups()

    assert int(port) == settings_of("scoreline").http_port
    assert path == "/health/ready"


def test_a_container_is_given_time_to_stop():
    grace_seconds = int(SERVICES["scoreline"]["stop_grace_period"].removesuffix("s"))

    assert grace_seconds > settings_of("scoreline").shutdown_seconds


def test_the_image_has_a_python_and_extras_that_the_package_has():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    minor_versions = {int(minor) for minor in re.findall(r"^FROM python:3\.(\d+)-slim", DOCKERFILE, re.MULTILINE)}
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', DOCKERFILE)

    assert project["requires-python"] == ">=3.11,<3.14"
    assert minor_versions <= {11, 12, 13}
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_the_image_sets_only_what_is_known():
    variables = [Variable(name, value, "Dockerfile") for name, value in image_variables().items()]

    assert len(variables) == 3
    assert load_settings(variables=variables).model_store == image_variables()["SCORELINE_MODEL_STORE"]
    assert "USER 10001" in DOCKERFILE
