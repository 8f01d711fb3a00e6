"""The alias moves while records flow and callers call: every answer is of the version that it names."""

import pytest

from tests.torture.reloads import VERSIONS, Reloads
from tests.torture.setting import DELIVERIES, Setting
from tests.torture.versions import make_versions

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

CHANGES = 40
"""`make torture FORM=reloads` makes 200."""
PER_SECOND = 2000


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_every_prediction_is_of_the_version_that_it_names_while_the_alias_moves(delivery, kafka, tmp_path):
    """On the stream and over HTTP at once; none is lost, none comes twice, and every change reaches both."""
    setting = Setting(delivery=delivery, protocol="classic", per_second=PER_SECOND, partitions=4)
    versions = make_versions(tmp_path / "tiny", VERSIONS)
    came = Reloads(kafka.bootstrap_servers, versions, setting, tmp_path).run(CHANGES)
    assert not came.trouble, "\n".join(came.describe())
    assert came.changes == CHANGES
    assert set(came.by_version) == set(came.answers_by_version) == set(versions.scores)
    assert sum(came.by_version.values()) == came.records
