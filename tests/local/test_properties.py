from pathlib import Path

from scoreline.local.properties import FAST_TIMEOUTS, Ports, server_properties, write_properties


def test_it_listens_on_loopback_only():
    properties = server_properties(Ports(9092, 9093), Path("/data"))
    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:9093"


def test_topics_are_never_created_by_accident():
    assert server_properties(Ports(1, 2), Path("/data"))["auto.create.topics.enable"] == "false"


def test_everything_has_one_replica():
    properties = server_properties(Ports(1, 2), Path("/data"))
    replicas = [value for name, value in properties.items() if "replication.factor" in name or name.endswith("min.isr")]
    assert replicas == ["1", "1", "1"]


def test_a_proxy_gets_a_listener_that_advertises_the_proxy():
    properties = server_properties(Ports(9092, 9093, 9094), Path("/data"), advertised_via=7000)
    assert "VIA://127.0.0.1:9094" in properties["listeners"]
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092,VIA://127.0.0.1:7000"
    assert "VIA:PLAINTEXT" in properties["listener.security.protocol.map"]
    assert properties["inter.broker.listener.name"] == "PLAINTEXT"


def test_overrides_win():
    properties = server_properties(Ports(1, 2), Path("/data"), overrides={**FAST_TIMEOUTS, "num.partitions": "9"})
    assert properties["num.partitions"] == "9"
    assert properties["group.consumer.session.timeout.ms"] == "6000"


def test_the_file_has_one_property_a_line_and_backslashes_doubled(tmp_path):
    write_properties(tmp_path / "p", {"log.dirs": "C:\\data", "node.id": "1"})
    assert (tmp_path / "p").read_text() == "log.dirs=C:\\\\data\nnode.id=1\n"
