"""What a publisher has to say where an artifact does not tell: features and classes from statements alone."""

from collections.abc import Sequence

from msgspec import UNSET

from scoreline.errors import ConfigError
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.feature_rules import FeatureStatement, check_level_list


def declare_features(
    statements: Sequence[FeatureStatement], *, names: Sequence[str] | None = None, count: int | None = None
) -> FeatureSet:
    """The features of an artifact that knows their names or their number at most.

    What nobody says: a feature is numeric, categorical where it has levels, and may **not** be null.

    Args:
        names: in the order of the matrix, where the artifact has them; statements are then optional.
        count: how many columns the artifact takes, where it has no names; statements are then in the columns' order.

    Raises:
        ConfigError: statements are missing, too many or contradictory.
    """
    said = {statement.name: statement for statement in statements}
    problems = [f"the features file names {name!r} twice" for name in said if _times(name, statements) > 1]
    if names is None:
        if not statements or (count is not None and len(statements) != count):
            wanted = "its features" if count is None else f"its {count} features"
            problems.append(
                f"the artifact does not name {wanted}: name them in the order of its columns with --features F.json "
                f'([{{"name": …}}, …]; {len(statements)} were given)'
            )
        names = tuple(said)
    problems += [f"the model has no feature {name!r}" for name in said if name not in names]
    found = []
    for name in names:
        try:
            found.append(_declare(said.get(name, FeatureStatement(name))))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(*problems)
    return FeatureSet(tuple(found))


def name_classes(outputs: int, said: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of the classes of a model that gives so many scores a row: `0`, `1`, … if not said; None for one score.

    Raises:
        ConfigError: what was said does not fit.
    """
    if outputs == 1:
        if said is not None:
            raise ConfigError("--classes is for multi-class models; this one gives one score a row")
        return None
    if said is None:
        return tuple(map(str, range(outputs)))
    if len(said) != outputs or len(set(said)) != len(said) or not all(said):
        raise ConfigError(f"the model has {outputs} classes, so --classes needs as many names, all different")
    return tuple(said)


def _declare(statement: FeatureStatement) -> Feature:
    levels = None if statement.levels is UNSET else statement.levels
    if levels is not None:
        check_level_list(statement.name, levels)
    inferred = Kind.NUMERIC if levels is None else Kind.CATEGORICAL
    return Feature(
        name=statement.name,
        kind=inferred if statement.kind is UNSET else statement.kind,
        field="" if statement.field is UNSET else statement.field,
        nullable=False if statement.nullable is UNSET else statement.nullable,
        optional=False if statement.optional is UNSET else statement.optional,
        levels=levels,
    )


def _times(name: str, statements: Sequence[FeatureStatement]) -> int:
    return sum(statement.name == name for statement in statements)
