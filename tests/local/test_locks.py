from pathlib import Path

from scoreline.local.broker import KafkaBroker
from scoreline.local.locks import LOCKED_PROTOCOLS, Locks, lock_properties
from scoreline.local.properties import Ports, server_properties


def test_locked_listeners_stand_beside_the_open_one_on_loopback():
    ports = Ports(1, 2, locked={"SASL_SSL": 3, "SSL": 4})
    properties = server_properties(ports, Path("/data"))
    everywhere = "SASL_SSL://127.0.0.1:3,SSL://127.0.0.1:4"
    assert properties["listeners"] == f"PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,{everywhere}"
    assert properties["advertised.listeners"] == f"PLAINTEXT://127.0.0.1:1,{everywhere}"
    assert properties["listener.security.protocol.map"].endswith(",SASL_SSL:SASL_SSL,SSL:SSL")


def test_a_broker_with_locks_has_a_port_of_its_own_for_each(tmp_path):
    ports = KafkaBroker(tmp_path, locks=Locks(tmp_path / "store", tmp_path / "authorities")).ports
    assert tuple(ports.locked) == LOCKED_PROTOCOLS
    assert len({ports.client, ports.controller, *ports.locked.values()}) == 4


def test_a_broker_without_locks_has_no_other_door(tmp_path):
    assert KafkaBroker(tmp_path).ports.locked == {}


def test_nobody_but_the_side_door_may_do_anything_that_was_not_granted():
    properties = lock_properties(Locks(Path("store"), Path("authorities")))
    assert properties["super.users"] == "User:ANONYMOUS"
    assert properties["listener.name.ssl.ssl.client.auth"] == "required"
    assert "allow.everyone.if.no.acl.found" not in properties
