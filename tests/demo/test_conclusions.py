"""Which sentences are said for which numbers."""

from dataclasses import replace

from scoreline.demo.conclusions import Delivery, Findings, conclude
from scoreline.demo.months import MonthDrift, MonthQuality, Raised, Standing

QUIET = MonthDrift("July", flights=1000, standing=(), raised=(), cleared=0, new_destinations={})
GOOD = MonthQuality(
    "July", labels=990, auc=0.93, log_loss=0.28, mean_prediction=0.31, share_true=0.32, live_labels=990, live_auc=0.93
)
DELIVERED = Delivery(
    records=2008, answered=2008, repeated=0, poisons=8, dead_letters=8, lag=0, labels=1980, joined=1980
)
NO_TEMPERATURE = Standing("temp", "drift", 0.02, "quality", "missing_ratio", 0.97, 0.56)


def find(drift=(), quality=(), standing=(), delivery=DELIVERED):
    return Findings(drift or (QUIET,), quality or (GOOD,), standing, delivery)


def raise_in(month, *raised):
    return replace(QUIET, name=month, raised=tuple(Raised(*each) for each in raised))


def say_of(start, findings):
    """The only sentence that begins so, None where there is none."""
    said = [sentence for sentence in conclude(findings) if sentence.startswith(start)]
    assert len(said) <= 1
    return said[0] if said else None


def test_where_nothing_has_happened_there_is_nothing_to_do():
    said = conclude(find())
    assert [sentence.split(":")[0] for sentence in said] == [
        "Ranking holds",
        "Nothing is wrong with the service",
        "So",
    ]
    assert "no need to retrain yet" in said[-1]


def test_an_auc_that_fell_is_told_with_its_lowest_month_and_the_last_one():
    months = (GOOD, replace(GOOD, name="November", auc=0.885, log_loss=0.34), replace(GOOD, name="December", auc=0.904))
    said = conclude(find(quality=months))
    assert said[0] == (
        "Ranking got worse: the AUC fell from 0.930 in July to 0.885 in November, the lowest, and was 0.904 in "
        "December; log loss was 0.280 in July, and 0.340 in November, the highest."
    )
    assert said[-1] == "So: retrain with July to December, whose labels are there: ranking got worse."


def test_an_auc_that_is_lowest_at_the_end_is_told_once():
    said = say_of("Ranking got worse", find(quality=(GOOD, replace(GOOD, name="August", auc=0.9))))
    assert "to 0.900 in August, the lowest; log loss" in said


def test_an_auc_that_wavers_within_its_error_holds():
    months = (GOOD, replace(GOOD, name="August", auc=0.925))
    assert say_of("Ranking holds", find(quality=months)) is not None


def test_predictions_that_moved_as_the_labels_did_are_borne_out():
    drift = (raise_in("September", ("output:prediction", "relative_mean", "mean")),)
    september = replace(GOOD, name="September", mean_prediction=0.16, share_true=0.13)
    said = say_of("The predictions moved", find(drift, (GOOD, september)))
    assert said == (
        "The predictions moved: 16.0% predicted and 13.0% true in September; labels bear the predictions out: "
        "the world has moved, and they with it."
    )


def test_predictions_that_moved_alone_are_not_borne_out():
    drift = (raise_in("September", ("output:prediction", "relative_mean", "mean")),)
    september = replace(GOOD, name="September", mean_prediction=0.16, share_true=0.32)
    assert "do not bear" in say_of("The predictions moved", find(drift, (september,)))


def test_values_that_are_missing_as_never_before_are_no_season():
    drift = (raise_in("July", ("temp", "quality", "missing_ratio")),)
    standing = (NO_TEMPERATURE, replace_name(NO_TEMPERATURE, "dewp"))
    findings = find(drift, (GOOD, replace(GOOD, name="August", auc=0.88)), standing)
    assert "missing_ratio of temp and dewp is 0.97 or more" in say_of("Look at the source now", findings)
    assert say_of("Another season", findings) is None
    assert conclude(findings)[-1].startswith("So: once the source is repaired, retrain")


def test_a_source_that_stopped_is_to_be_repaired_even_where_ranking_holds():
    assert conclude(find(standing=(NO_TEMPERATURE,)))[-1] == (
        "So: have the source repaired; no need to retrain yet, since ranking holds and there is nothing new to learn."
    )


def test_weather_that_the_training_never_had_is_told_apart_from_all_else():
    drift = (
        raise_in("July", ("temp", "calibrated", "outside_ratio"), ("departure_delay", "relative_mean", "mean")),
        raise_in("August", ("temp", "calibrated", "outside_ratio"), ("dewp", "calibrated", "missing_ratio")),
        raise_in("October", ("humid", "calibrated", "js_distance"), ("pressure", "calibrated", "js_distance")),
    )
    findings = find(drift)
    assert say_of("Another season", findings).endswith(
        ": outside_ratio of temp in July and August; js_distance of humid and pressure in October."
    )
    assert say_of("No season explains these", findings).endswith(
        ": mean of departure_delay in July; missing_ratio of dewp in August."
    )


def test_new_destinations_are_added_up_over_the_months_and_are_a_reason_to_retrain():
    drift = (
        replace(QUIET, new_destinations={"ANC": 4}),
        replace(QUIET, name="August", new_destinations={"SBN": 6, "ANC": 4}),
    )
    findings = find(drift)
    assert say_of("New destinations", findings).endswith(
        ": ANC (8) and SBN (6); 0.70% of the flights, too few for dest to be raised."
    )
    assert conclude(findings)[-1].endswith("there are destinations to learn.")


def test_new_destinations_that_drift_has_seen_are_told_so():
    month = replace(raise_in("July", ("dest", "quality", "unseen_ratio")), new_destinations={"ANC": 400})
    assert say_of("New destinations", find((month,))).endswith("40.00% of the flights, and drift of dest was raised.")


def test_everything_that_is_wrong_with_the_service_is_told():
    delivery = replace(DELIVERED, answered=2006, repeated=1, dead_letters=9, lag=2, joined=1979)
    assert say_of("The service needs a look", find(delivery=delivery)) == (
        "The service needs a look: 2,008 records went in and 2,006 came out, 1 predictions came twice, 9 dead letters "
        "for 8 broken records, 2 records wait and of 1,980 labels 1,979 found their prediction."
    )


def replace_name(standing, name):
    return standing._replace(name=name)
