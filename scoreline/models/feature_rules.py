"""What a model's features are, from its text and from what its publisher says: kinds, levels, where nulls may be."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from scoreline.errors import ConfigError, ModelRejected
from scoreline.features import Feature, FeatureSet, Kind, Level
from scoreline.models.frames import ColumnTypes
from scoreline.models.inspection import FeatureFacts, ModelFacts
from scoreline.models.names import is_unicode

_SAY_SO = "say so with --features"


class FeatureStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a publisher says of one feature; everything left out is found in the model's text."""

    name: str
    field: str | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    nullable: bool | UnsetType = UNSET
    optional: bool | UnsetType = UNSET
    levels: tuple[Level, ...] | UnsetType | None = UNSET


def read_statements(data: bytes) -> tuple[FeatureStatement, ...]:
    """Read a features file: a JSON list of `{name, field, kind, nullable, optional, levels}`, names required.

    Raises:
        ConfigError: it is no such list.
    """
    try:
        return msgspec.json.decode(data, type=tuple[FeatureStatement, ...])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the features file cannot be used: {error}") from error


def find_features(
    facts: ModelFacts, statements: Sequence[FeatureStatement] = (), types: ColumnTypes | None = None
) -> FeatureSet:
    """The features of a model, in its order.

    Args:
        statements: what is said wins over what is found.
        types: of the columns of rows like those of the training.

    Raises:
        ConfigError: statements contradict the model, or the model's text does not tell what has to be known.
    """
    said = {statement.name: statement for statement in statements}
    problems = [f"the model has no feature {name!r}" for name in said if name not in facts.names]
    problems += [f"the features file names {name!r} twice" for name in sorted(_repeated(statements))]
    types = types or ColumnTypes()
    lists = _assign_by_name(facts, types) or _assign_levels(facts)
    if lists is None and any(f.categorical and _levels(said.get(f.name)) is UNSET for f in facts.features):
        problems.append(_describe_lists(facts))
    found = []
    for feature in facts.features:
        statement = said.get(feature.name, FeatureStatement(feature.name))
        try:
            levels, kind = (lists or {}).get(feature.name), types.kinds.get(feature.name, Kind.NUMERIC)
            found.append(_find_feature(facts, feature, statement, levels, kind))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(*problems)
    return FeatureSet(tuple(found))


def check_features(facts: ModelFacts, features: FeatureSet) -> None:
    """Refuse features that contradict the model's text, even where no golden row would show it.

    Raises:
        ModelRejected: they are others or in another order, or a level list does not fit the codes of the trees, or the
            model's own `pandas_categorical`.
    """
    if facts.names != features.names:
        raise ModelRejected(f"the manifest's features are {list(features.names)}, but the model's {list(facts.names)}")
    lists = _assign_levels(facts) or {}
    for found, feature in zip(facts.features, features, strict=True):
        if found.categorical and feature.kind is not Kind.CATEGORICAL:
            raise ModelRejected(
                f"feature {found.name!r} is categorical in the model, but {feature.kind} in the manifest"
            )
        try:
            if feature.levels is not None:
                _check_levels(found, feature.levels)
            _check_own_list(found, feature.levels, lists.get(found.name))
        except ValueError as error:
            raise ModelRejected(f"the manifest contradicts the model: {error}") from error


def _find_feature(
    facts: ModelFacts,
    feature: FeatureFacts,
    statement: FeatureStatement,
    found_levels: tuple[Level, ...] | None,
    found_kind: Kind,
) -> Feature:
    levels = found_levels if statement.levels is UNSET else statement.levels
    _check_own_list(feature, levels, found_levels)
    inferred = Kind.CATEGORICAL if feature.categorical or levels is not None else found_kind
    kind = inferred if statement.kind is UNSET else statement.kind
    if feature.categorical and kind is not Kind.CATEGORICAL:
        raise ValueError(f"feature {feature.name!r} is categorical in the model, but the features file says {kind}")
    if levels is not None:
        _check_levels(feature, levels)
    return Feature(
        name=feature.name,
        kind=kind,
        field="" if statement.field is UNSET else statement.field,
        nullable=_may_be_null(facts, feature) if statement.nullable is UNSET else statement.nullable,
        optional=False if statement.optional is UNSET else statement.optional,
        levels=levels,
    )


def _may_be_null(facts: ModelFacts, feature: FeatureFacts) -> bool:
    """Whether LightGBM knows what a null of this feature means.

    A numeric feature without nulls in training has splits of the missing type None, and LightGBM scores a null of it
    as 0.0, silently. With zero_as_missing its splits carry the type Zero: there a null is what zero is, missing.
    """
    if feature.categorical or not feature.splits:
        return True
    if not facts.use_missing:
        raise ValueError(
            f"the model was trained with use_missing=false, so it does not tell whether {feature.name!r} "
            f'had nulls in training: {_SAY_SO} ({{"name": {msgspec.json.encode(feature.name).decode()}, '
            f'"nullable": …}})'
        )
    return bool(feature.saw_nulls)


def _assign_by_name(facts: ModelFacts, types: ColumnTypes) -> Mapping[str, tuple[Level, ...]] | None:
    """The level lists by the names of columns, None unless exactly the model's lists are in them, in its order.

    LightGBM itself matches a frame's categories in that way before it predicts.
    """
    named = {name: types.levels[name] for name in facts.names if name in types.levels}
    return named if tuple(named.values()) == facts.level_lists else None


def _assign_levels(facts: ModelFacts) -> Mapping[str, tuple[Level, ...]] | None:
    """The level lists of pandas columns by feature, None where their number does not tell whose they are.

    They come without names, one for each pandas column of dtype category. `feature_infos` does not show a categorical
    column that never varied; the training parameter `categorical_feature` does.
    """
    lists = facts.level_lists
    if not lists:
        return {}
    by_infos = [i for i, feature in enumerate(facts.features) if feature.categorical]
    by_parameter = list(facts.categorical_parameter or ())
    for positions in (by_infos, by_parameter):
        if len(positions) == len(lists) and set(by_infos) <= set(positions):
            owners = [facts.features[i] for i in positions]
            fits = all(owner.highest_code < len(levels) for owner, levels in zip(owners, lists, strict=True))
            return {owner.name: levels for owner, levels in zip(owners, lists, strict=True)} if fits else None
    return None


def _check_levels(feature: FeatureFacts, levels: tuple[Any, ...]) -> None:
    check_level_list(feature.name, levels)
    if feature.highest_code >= len(levels):
        raise ValueError(
            f"the level list of feature {feature.name!r} has {len(levels)} levels, "
            f"but the model uses code {feature.highest_code}"
        )


def check_level_list(name: str, levels: tuple[Any, ...]) -> None:
    """Refuse levels that a manifest cannot hold, or that would not be told apart.

    Args:
        name: of the feature.

    Raises:
        ValueError: the list is empty, repeats a level, or has something else than text, numbers and booleans.
    """
    where = f"the level list of feature {name!r}"
    if not levels:
        raise ValueError(f"{where} is empty")
    if not all(isinstance(level, str | int | float | bool) for level in levels):
        raise ValueError(f"{where} has something else than strings, numbers and booleans: {_SAY_SO}")
    strange = [level for level in levels if not _can_be_kept(level)]
    if strange:
        raise ValueError(f"{where} has {strange[0]!r}, which JSON cannot hold")
    if len(set(levels)) != len(levels):
        raise ValueError(f"{where} repeats a level")


def _check_own_list(feature: FeatureFacts, levels: tuple[Level, ...] | None, own: tuple[Any, ...] | None) -> None:
    """Other words for the model's own levels are welcome; one of its levels at another place is a mistake."""
    if levels is None or own is None or levels == own:
        return
    where = f"the level list of feature {feature.name!r}"
    if len(levels) != len(own):
        raise ValueError(f"{where} has {len(levels)} levels, but the model's own pandas_categorical {len(own)}")
    codes = {level: code for code, level in enumerate(own) if isinstance(level, str | int | float | bool)}
    for code, level in enumerate(levels):
        if codes.get(level, code) != code:
            raise ValueError(
                f"{where} gives {level!r} the code {code}, but the model's own pandas_categorical {codes[level]}"
            )


def _can_be_kept(level: Level) -> bool:
    """Whether a manifest can hold a level: no lone surrogate in text, no number that is not finite."""
    if isinstance(level, str):
        return is_unicode(level)
    return not isinstance(level, float) or math.isfinite(level)


def _describe_lists(facts: ModelFacts) -> str:
    categorical = [feature.name for feature in facts.features if feature.categorical]
    return (
        f"the model text has {len(facts.level_lists)} level lists without names for {len(categorical)} categorical "
        f"features ({', '.join(categorical)}), so whose they are is not known; give the levels of each in "
        '--features F.json: [{"name": …, "levels": […]}], or a --baseline of rows that has the same categories'
    )


def _levels(statement: FeatureStatement | None) -> tuple[Level, ...] | UnsetType | None:
    return UNSET if statement is None else statement.levels


def _repeated(statements: Sequence[FeatureStatement]) -> set[str]:
    names = [statement.name for statement in statements]
    return {name for name in names if names.count(name) > 1}
