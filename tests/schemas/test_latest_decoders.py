from scoreline.features import Feature, FeatureSet, Kind
from scoreline.schemas.latest_decoders import LatestDecoders

A, B = (FeatureSet((Feature(name),)) for name in "ab")


def make(features, options, others):
    return [features, options, others]


def test_what_is_asked_for_again_is_not_made_again():
    decoders = LatestDecoders(make)
    asked = [(A, None, ()), (B, None, ()), (A, "more", ()), (A, None, (B,)), (A, None, (B, A))]
    first, again = ([decoders.find(one, options=how, others=others) for one, how, others in asked] for _ in range(2))
    assert first == [list(each) for each in asked]
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_features_that_are_equal_but_not_the_same_have_decoders_of_their_own():
    """The levels 1 and true are equal, and stand for different values."""
    one, true = (FeatureSet((Feature("a", Kind.CATEGORICAL, levels=(level,)),)) for level in (1, True))
    decoders = LatestDecoders(make)
    assert one == true
    assert decoders.find(one, options=None) is not decoders.find(true, options=None)


def test_features_that_are_gone_leave_no_decoder_to_those_that_come_after():
    """Their identity would be free to be given away."""
    decoders = LatestDecoders(lambda features, _options, _others: features.names)
    for name in map(str, range(20)):
        assert decoders.find(FeatureSet((Feature(name),)), options=None) == (name,)


def test_the_oldest_goes_where_there_are_too_many():
    decoders = LatestDecoders(make, most=2)
    first, second = decoders.find(A, options=1), decoders.find(B, options=1)
    decoders.find(A, options=2)
    assert decoders.find(B, options=1) is second
    assert decoders.find(A, options=1) is not first
