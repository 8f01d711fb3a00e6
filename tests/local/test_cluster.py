import pytest

from scoreline.errors import Unavailable
from scoreline.local.cluster import KafkaCluster, cluster_properties
from tests.local.test_broker import fake_java


def test_a_record_is_acknowledged_when_all_replicas_but_one_have_it():
    properties = cluster_properties(3, 2, "1@a:1,2@b:2,3@c:3")
    assert properties["node.id"] == "2"
    assert properties["controller.quorum.voters"] == "1@a:1,2@b:2,3@c:3"
    assert {value for name, value in properties.items() if "replication.factor" in name} == {"3"}
    assert properties["min.insync.replicas"] == properties["transaction.state.log.min.isr"] == "2"


def test_a_node_that_dies_ends_the_others_and_is_reported_with_its_last_words(tmp_path):
    cluster = KafkaCluster(2, runtime=fake_java(tmp_path, "echo 'disk is full' >&2; exit 1"))
    with pytest.raises(Unavailable, match="disk is full"), cluster:
        pass
    assert len(cluster.nodes) == 2
    assert not any(node.running or node.folder.exists() for node in cluster.nodes)
