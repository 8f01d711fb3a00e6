"""What a line of a month says."""

from scoreline.demo.months import MonthDrift, MonthQuality, Raised, Standing
from scoreline.demo.views import MONTHS_HEAD, format_month

AUGUST = MonthDrift(
    "August",
    flights=28841,
    standing=[
        Standing("temp", "drift", 0.02, "calibrated", "outside_ratio", 0.277, 0.0353),
        Standing("dewp", "drift", 0.01, "calibrated", "outside_ratio", 0.0852, 0.0379),
        Standing("humid", "warning", 0.01, "relative_mean", "mean", 9.5, 8.8),
    ],
    raised=[Raised("temp", "calibrated", "outside_ratio")],
    cleared=2,
    new_destinations={"ANC": 4, "SBN": 1},
)
JULY = MonthQuality(
    "July",
    labels=28293,
    auc=0.92934,
    log_loss=0.2799,
    mean_prediction=0.3,
    share_true=0.3,
    live_labels=4096,
    live_auc=0.9215,
)


def test_a_month_has_its_events_and_the_labels_of_the_month_before_below_their_heads():
    line, *_ = format_month(AUGUST, JULY).splitlines()
    quality = "July: AUC 0.9293, log loss 0.2799; /stats, latest 4,096: AUC 0.9215"
    assert line.split() == ["August", "28,841", "1", "2", "ANC", "4,", "SBN", "1", *quality.split()]
    assert line.index("July") == MONTHS_HEAD.index("labels")
    assert line.index("ANC") == MONTHS_HEAD.index("to new")


def test_what_is_not_ok_for_the_same_reason_shares_a_line():
    _, *lines = format_month(AUGUST, JULY).splitlines()
    assert [line.strip() for line in lines] == [
        "drift by calibrated, outside_ratio: temp 0.277 over 0.0353, dewp 0.0852 over 0.0379",
        "warning by relative_mean, distance of the mean: humid 9.5 over 8.8",
    ]


def test_a_quiet_month_before_any_label_is_one_short_line():
    quiet = MonthDrift("July", flights=10, standing=(), raised=(), cleared=0, new_destinations={})
    assert format_month(quiet, None).split() == ["July", "10", "0", "0"]


def test_the_last_labels_stand_alone_below_their_head():
    assert format_month(None, JULY).index("July") == MONTHS_HEAD.index("labels")
