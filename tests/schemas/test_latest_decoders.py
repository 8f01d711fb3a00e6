from scoreline.features import Feature, FeatureSet, Kind
from scoreline.schemas.latest_decoders import LatestDecoders

A, B = (FeatureSet((Feature(name),)) for name in "ab")


def test_what_is_asked_for_again_is_not_made_again():
    decoders: LatestDecoders[object] = LatestDecoders()
    asked = [((A,), None), ((B,), None), ((A,), "more"), ((A, B), None), ((B, A), None)]
    first, again = ([decoders.find(features, object, options) for features, options in asked] for _ in range(2))
    assert len(set(map(id, first))) == len(asked)
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_features_that_are_equal_but_not_the_same_have_decoders_of_their_own():
    """The levels 1 and true are equal, and stand for different values."""
    one, true = (FeatureSet((Feature("a", Kind.CATEGORICAL, levels=(level,)),)) for level in (1, True))
    decoders: LatestDecoders[object] = LatestDecoders()
    assert one == true
    assert decoders.find((one,), object) is not decoders.find((true,), object)


def test_features_that_are_gone_leave_no_decoder_to_those_that_come_after():
    """Their identity is free to be given away as soon as nobody keeps them."""
    decoders: LatestDecoders[str] = LatestDecoders(most=100)
    for name in map(str, range(50)):
        assert decoders.find((FeatureSet((Feature(name),)),), lambda name=name: name) == name


def test_the_oldest_goes_where_there_are_too_many():
    decoders: LatestDecoders[object] = LatestDecoders(most=2)
    first, second = decoders.find((A,), object), decoders.find((B,), object)
    decoders.find((A, B), object)
    assert decoders.find((B,), object) is second
    assert decoders.find((A,), object) is not first
