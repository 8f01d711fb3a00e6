"""One version for everything."""

import pytest

from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.models.pinned import PinnedVersion
from scoreline.testing.fakes import WeightedSum


@pytest.mark.parametrize("selector", [None, "7", "latest", "production", "no such thing"])
def test_every_selector_stands_for_the_one_version(selector):
    version = ModelVersion("delays", 3, "sha", WeightedSum([Feature("x")], [2]))
    versions = PinnedVersion(version)

    assert versions.resolve(selector).only is version
    assert versions.find_resident(selector or "").only is version
