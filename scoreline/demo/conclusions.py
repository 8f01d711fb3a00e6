"""What an operator should conclude: sentences that are chosen by what was measured."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from scoreline.demo.flights import WEATHER
from scoreline.demo.months import MonthDrift, MonthQuality, Standing
from scoreline.models.baseline.axes import OUTPUT_PREFIX
from scoreline.observability.drift.states import Rule

NOTABLE_FALL = 0.01
"""Of a month's AUC: about three times the standard error of one that comes from 27,000 labels."""

FOLLOWED_WITHIN = 0.05
"""So far the mean prediction of a month may lie from the share that came true, and still have followed it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether the service did its work.

    Attributes:
        records: sent, `poisons` broken ones among them; `answered` by a prediction or a dead letter.
        lag: records that nobody has scored yet.
        labels, joined: sent, and those that the service found the prediction of.
    """

    records: int
    answered: int
    repeated: int
    poisons: int
    dead_letters: int
    lag: int
    labels: int
    joined: int


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a conclusion is drawn from; months are in order, one at least.

    Attributes:
        standing: what is not ok at the end, as `/drift` says.
    """

    drift: Sequence[MonthDrift]
    quality: Sequence[MonthQuality]
    standing: Sequence[Standing]
    delivery: Delivery


def conclude(findings: Findings) -> Sequence[str]:
    """Sentences, what is to be done last."""
    return [
        _judge_ranking(findings.quality),
        *_judge_predictions(findings),
        *_judge_stopped(findings.standing),
        *_judge_features(findings.drift),
        *_judge_destinations(findings),
        _judge_delivery(findings.delivery),
        _advise(findings),
    ]


def _judge_ranking(quality: Sequence[MonthQuality]) -> str:
    first, last = quality[0], quality[-1]
    worst = min(quality, key=lambda month: month.auc)
    loss = max(quality, key=lambda month: month.log_loss)
    losses = f"log loss was {first.log_loss:.3f} in {first.name}, and {loss.log_loss:.3f} in {loss.name}, the highest"
    if not _has_fallen(quality):
        return (
            f"Ranking holds: no month had an AUC below {worst.auc:.3f} ({worst.name}), after {first.auc:.3f} in "
            f"{first.name}; {losses}."
        )
    end = "" if last is worst else f", and was {last.auc:.3f} in {last.name}"
    return (
        f"Ranking got worse: the AUC fell from {first.auc:.3f} in {first.name} to {worst.auc:.3f} in {worst.name}, "
        f"the lowest{end}; {losses}."
    )


def _judge_predictions(findings: Findings) -> Iterable[str]:
    """Where the output was told of: whether it still says how much comes true."""
    told = {month.name for month in findings.drift if any(r.name.startswith(OUTPUT_PREFIX) for r in month.raised)}
    months = [month for month in findings.quality if month.name in told]
    if not months:
        return
    moved = _join([f"{m.mean_prediction:.1%} predicted and {m.share_true:.1%} true in {m.name}" for m in months])
    if all(abs(m.mean_prediction - m.share_true) <= FOLLOWED_WITHIN for m in months):
        follows = "labels bear the predictions out: the world has moved, and they with it"
    else:
        follows = "labels do not bear the predictions out: take them for a ranking, not for probabilities"
    yield f"The predictions moved: {moved}; {follows}."


def _judge_stopped(standing: Sequence[Standing]) -> Iterable[str]:
    """What is missing, constant, out of range or unseen as it never was: no season does that."""
    by_statistic: dict[str, list[Standing]] = {}
    for each in standing:
        if each.rule == Rule.QUALITY:
            by_statistic.setdefault(each.statistic, []).append(each)
    for statistic, found in by_statistic.items():
        value = min(each.value for each in found)
        names = _join([each.name for each in found])
        yield (
            f"Look at the source now: {statistic} of {names} is {value:.2g} or more in the latest records, as it never "
            "was in the training, and no season makes it so."
        )


def _judge_features(drift: Sequence[MonthDrift]) -> Iterable[str]:
    """Features that were raised by a rule that compares windows: those that a season explains, and the others."""
    seasonal, others = _list_months(drift, seasonal=True), _list_months(drift, seasonal=False)
    if seasonal:
        yield f"Another season, as is to be expected of a model that knows January to June: {seasonal}."
    if others:
        yield f"No season explains these, so ask those who send them whether anything was changed: {others}."


def _judge_destinations(findings: Findings) -> Iterable[str]:
    totals: dict[str, int] = {}
    for month in findings.drift:
        for name, flights in month.new_destinations.items():
            totals[name] = totals.get(name, 0) + flights
    if not totals:
        return
    ranked = sorted(totals.items(), key=lambda each: -each[1])
    share = sum(totals.values()) / sum(month.flights for month in findings.drift)
    raised = any(event.name == "dest" for month in findings.drift for event in month.raised)
    judged = "and drift of dest was raised" if raised else "too few for dest to be raised"
    counts = _join([f"{name} ({flights})" for name, flights in ranked])
    yield f"New destinations are scored as if nobody knew where to: {counts}; {share:.2%} of the flights, {judged}."


def _judge_delivery(delivery: Delivery) -> str:
    wrong = []
    if delivery.answered != delivery.records:
        wrong.append(f"{delivery.records:,} records went in and {delivery.answered:,} came out")
    if delivery.repeated:
        wrong.append(f"{delivery.repeated:,} predictions came twice")
    if delivery.dead_letters != delivery.poisons:
        wrong.append(f"{delivery.dead_letters:,} dead letters for {delivery.poisons:,} broken records")
    if delivery.lag:
        wrong.append(f"{delivery.lag:,} records wait")
    if delivery.joined != delivery.labels:
        wrong.append(f"of {delivery.labels:,} labels {delivery.joined:,} found their prediction")
    if wrong:
        return f"The service needs a look: {_join(wrong)}."
    return (
        f"Nothing is wrong with the service: {delivery.records:,} records in and out once, dead letters for the "
        f"{delivery.poisons:,} broken ones and no other, no lag, every label joined."
    )


def _advise(findings: Findings) -> str:
    months = f"{findings.quality[0].name} to {findings.quality[-1].name}"
    why = []
    if _has_fallen(findings.quality):
        why.append("ranking got worse")
    if any(month.new_destinations for month in findings.drift):
        why.append("there are destinations to learn")
    stopped = any(each.rule == Rule.QUALITY for each in findings.standing)
    if not why:
        rest = "no need to retrain yet, since ranking holds and there is nothing new to learn."
        return f"So: have the source repaired; {rest}" if stopped else f"So: {rest}"
    first = "So: once the source is repaired, retrain" if stopped else "So: retrain"
    return f"{first} with {months}, whose labels are there: {_join(why)}."


def _has_fallen(quality: Sequence[MonthQuality]) -> bool:
    return quality[0].auc - min(month.auc for month in quality) > NOTABLE_FALL


def _list_months(drift: Sequence[MonthDrift], *, seasonal: bool) -> str:
    """Which statistic was raised of which features in which months; features that agree in both are told together."""
    months: dict[tuple[str, str], list[str]] = {}
    for month in drift:
        for event in month.raised:
            if event.rule == Rule.QUALITY or event.name.startswith(OUTPUT_PREFIX):
                continue
            if (event.name in WEATHER and event.statistic != "missing_ratio") is not seasonal:
                continue
            found = months.setdefault((event.statistic, event.name), [])
            if month.name not in found:
                found.append(month.name)
    names: dict[tuple[str, str], list[str]] = {}
    for (statistic, name), when in months.items():
        names.setdefault((statistic, _join(when)), []).append(name)
    return "; ".join(f"{statistic} of {_join(found)} in {when}" for (statistic, when), found in names.items())


def _join(parts: Collection[str]) -> str:
    """As a list is read out."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
