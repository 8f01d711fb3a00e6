import random
import socket
from pathlib import Path

import pytest

from scoreline.errors import Unavailable
from scoreline.local import network


def test_free_ports_are_different_and_can_be_listened_on():
    ports = network.free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            assert not network.is_free(port)
        assert network.is_free(port)


def test_a_seeded_run_does_not_choose_the_same_ports_again():
    random.seed(1)
    first = network.free_ports(3)
    random.seed(1)
    assert network.free_ports(3) != first


def test_ports_lie_below_those_of_outgoing_connections():
    """A client that retries while its broker is down may never be given the broker's own port."""
    ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not ephemeral.exists():
        pytest.skip("only Linux says which ports it gives to outgoing connections")
    assert int(ephemeral.read_text().split()[0]) >= network.HIGHEST


def test_when_every_port_is_taken_it_gives_up_and_says_so(monkeypatch):
    monkeypatch.setattr(network, "is_free", lambda port: False)
    with pytest.raises(Unavailable, match="no 2 free ports"):
        network.free_ports(2)
