"""Kubernetes' service links beside real configuration."""

import pytest

from scoreline.config.environment import Variable
from scoreline.config.service_links import is_service_link
from scoreline.config.settings import load_settings

# What a pod sees of the services `scoreline`, `scoreline-http` and `scoreline-kafka`.
LINKS = {
    "SCORELINE_SERVICE_HOST": "10.0.0.7",
    "SCORELINE_SERVICE_PORT": "80",
    "SCORELINE_SERVICE_PORT_METRICS": "9100",
    "SCORELINE_PORT": "tcp://10.0.0.7:80",
    "SCORELINE_PORT_80_TCP": "tcp://10.0.0.7:80",
    "SCORELINE_PORT_80_TCP_PROTO": "tcp",
    "SCORELINE_PORT_80_TCP_PORT": "80",
    "SCORELINE_PORT_80_TCP_ADDR": "10.0.0.7",
    "SCORELINE_HTTP_SERVICE_HOST": "10.0.0.8",
    "SCORELINE_HTTP_SERVICE_PORT": "80",
    "SCORELINE_HTTP_PORT": "tcp://10.0.0.8:80",
    "SCORELINE_HTTP_PORT_80_TCP": "tcp://10.0.0.8:80",
    "SCORELINE_KAFKA_SERVICE_HOST": "10.0.0.9",
    "SCORELINE_KAFKA_PORT": "udp://10.0.0.9:9092",
    "SCORELINE_KAFKA_PORT_9092_UDP_ADDR": "10.0.0.9",
}


def load(values):
    return load_settings(variables=[Variable(name, value, "environment") for name, value in values.items()])


def test_links_are_ignored_and_told():
    settings = load({**LINKS, "SCORELINE_INPUT_TOPIC": "flights"})

    assert settings.input_topic == "flights"
    assert set(settings.ignored_service_links) == set(LINKS)


def test_a_link_in_the_place_of_a_variable_is_told_with_the_cure():
    settings = load({"SCORELINE_HTTP_PORT": "tcp://10.0.0.8:80"})

    assert settings.http_port == 8080
    assert settings.service_links_line == (
        "ignored 1 Kubernetes service links: SCORELINE_HTTP_PORT; SCORELINE_HTTP_PORT would have been read as "
        "configuration: set enableServiceLinks: false in the pod's spec, or rename the service"
    )


def test_links_that_hide_nothing_call_for_nothing():
    line = load({"SCORELINE_SERVICE_HOST": "10.0.0.7"}).service_links_line

    assert line == "ignored 1 Kubernetes service links: SCORELINE_SERVICE_HOST"
    assert load({}).service_links_line is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCORELINE_HTTP_PORT", "8080"),
        ("SCORELINE_KAFKA_BOOTSTRAP_SERVERS", "SASL_SSL://kafka:9092"),
        ("SCORELINE_SCHEMA_REGISTRY_URL", "http://registry:8081"),
        ("SCORELINE_KAFKA_SASL_KERBEROS_SERVICE_NAME", "kafka"),
    ],
)
def test_configuration_is_no_link(name, value):
    assert not is_service_link(name, value)
