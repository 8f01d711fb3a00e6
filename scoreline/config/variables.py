"""Sorts raw variables by what they mean: a setting, a client property, a Kubernetes service link, or nothing known."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from scoreline.config.environment import PREFIX, Variable
from scoreline.config.properties import (
    FAMILIES,
    REFUSED,
    ClientProperties,
    Scope,
    find_nearest_property,
    find_property,
    known_properties,
    variable_suffix,
)
from scoreline.config.service_links import is_service_link

FILE_SUFFIX = "_FILE"


def variable_name(field_name: str) -> str:
    """The variable that sets a field."""
    return PREFIX + field_name.upper()


@dataclass(slots=True)
class SortedVariables:
    """What the variables say, before anything is validated.

    Attributes:
        values: raw text by field.
        sources: where each came from, by variable; `_FILE` variables under the name of what they set.
        clients: librdkafka properties by family.
        service_links: names of variables that Kubernetes made.
        unread: settings whose file could not be read.
        problems: everything that is wrong with the names and the files.
    """

    values: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    clients: dict[Scope, dict[str, str]] = field(default_factory=lambda: {scope: {} for scope in Scope})
    service_links: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    @property
    def client_properties(self) -> ClientProperties:
        """The librdkafka properties as one value."""
        return ClientProperties(self.clients[Scope.EVERY], self.clients[Scope.CONSUMER], self.clients[Scope.PRODUCER])


def sort_variables(
    variables: Iterable[Variable], *, fields: Collection[str], secrets: Collection[str]
) -> SortedVariables:
    """Give every variable its meaning; what has none becomes a problem that names the nearest known one.

    Args:
        fields: names of the settings.
        secrets: those among them whose value may also come from a file named by `X_FILE`.
    """
    variables = list(variables)
    names = {v.name for v in variables}
    result = SortedVariables()
    for variable in variables:
        suffix = variable.name.removeprefix(PREFIX)
        family = next((prefix for prefix in FAMILIES if suffix.startswith(prefix)), None)
        if is_service_link(variable.name, variable.value):
            result.service_links.append(variable.name)
        elif suffix.lower() in fields and suffix.isupper():
            result.values[suffix.lower()] = variable.value
            result.sources[variable.name] = variable.source
        elif suffix.endswith(FILE_SUFFIX) and suffix.removesuffix(FILE_SUFFIX).lower() in secrets:
            setting = suffix.removesuffix(FILE_SUFFIX).lower()
            secret = _read_file(variable, names, result)
            if secret is None:
                result.unread.add(setting)
            else:
                result.values[setting] = secret
        elif family is not None:
            _sort_property(variable, family, names, result)
        else:
            result.problems.append(_describe_unknown(variable.name, fields, secrets))
    return result


def _sort_property(variable: Variable, family: str, names: set[str], result: SortedVariables) -> None:
    suffix = variable.name.removeprefix(PREFIX + family)
    name, value = find_property(suffix), variable.value
    from_file = name is None and suffix.endswith(FILE_SUFFIX)
    if from_file:
        name = find_property(suffix.removesuffix(FILE_SUFFIX))
    problem = _judge_property(variable.name, family, suffix, name)
    if problem is not None or name is None:
        result.problems.extend([problem] if problem else [])
        return
    if from_file:
        secret = _read_file(variable, names, result)
        if secret is None:
            return
        value = secret
    else:
        result.sources[variable.name] = variable.source
    result.clients[FAMILIES[family]][name] = value


def _judge_property(variable: str, family: str, suffix: str, name: str | None) -> str | None:
    """What is wrong with a property that a variable spells; None where nothing is."""
    if name is None:
        nearest = find_nearest_property(suffix)
        hint = f"; did you mean {PREFIX}{family}{nearest}?" if nearest else ""
        return f"{variable}: librdkafka has no property {suffix.lower().replace('_', '.')!r}{hint}"
    if name in REFUSED:
        return f"{variable}: {name} may not be set: {REFUSED[name]}"
    known_by, meant_for = known_properties()[name], FAMILIES[family]
    if Scope.EVERY not in (known_by, meant_for) and known_by is not meant_for:
        right = f"{PREFIX}{known_by.value.upper()}_{variable_suffix(name)}"
        return f"{variable}: {name} is a property of the {known_by.value}; use {right}"
    return None


def _read_file(variable: Variable, names: set[str], result: SortedVariables) -> str | None:
    """The text of the file that a `_FILE` variable names, without the line break at its end; None after a problem."""
    target = variable.name.removesuffix(FILE_SUFFIX)
    if target in names:
        result.problems.append(f"{target} and {variable.name} are both set; keep one")
        return None
    try:
        text = Path(variable.value).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        result.problems.append(f"{variable.name}: {variable.value} cannot be read: {reason}")
        return None
    if not text:
        result.problems.append(f"{variable.name}: {variable.value} is empty")
        return None
    result.sources[target] = f"file {variable.value}"
    return text


def _describe_unknown(name: str, fields: Collection[str], secrets: Collection[str]) -> str:
    known = [variable_name(f) for f in fields] + [variable_name(s) + FILE_SUFFIX for s in secrets]
    nearest = get_close_matches(name.upper(), known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else "docs/operations.md lists all that there are"
    return f"{name}: there is no such variable; {hint}"
