"""One decoder for what is asked for again, whichever routes a version is on."""

from scoreline.features import Feature, FeatureSet
from scoreline.http.predict.row_decoders import RowDecoders

A, B, C = (FeatureSet((Feature(name),)) for name in "abc")


def test_what_was_asked_for_before_is_not_made_again():
    """Also where a version answers on several routes in turn."""
    decoders = RowDecoders()
    asked = [(False, ()), (True, ()), (False, (A, B)), (False, (A, C))]
    first, again = ([decoders.find(A, options=flag, others=others) for flag, others in asked] for _ in range(2))
    assert len(set(map(id, first))) == 4
    assert all(one is other for one, other in zip(first, again, strict=True))
