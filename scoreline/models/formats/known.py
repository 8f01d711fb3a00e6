"""The formats that are known here: LightGBM's, and those that installed packages register."""

import importlib.metadata
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from typing import cast

from scoreline.errors import ConfigError, ModelRejected, Refused, ServiceError
from scoreline.models.formats.faults import describe_cause
from scoreline.models.formats.lightgbm_text import LightGBMFormat, describe_foreign
from scoreline.models.formats.model_format import ModelFormat

GROUP = "scoreline.model_formats"

_MEMBERS = ("name", "runtime", "probe_bytes", "recognizes", "describe", "check", "load")


def installed_formats() -> Iterable[EntryPoint]:
    """What the packages that are installed now register."""
    return importlib.metadata.entry_points(group=GROUP)


class KnownFormats:
    """Finds formats; the entry points are read anew at each call that LightGBM's own does not answer.

    A package that fails to import is told of where its format is needed, and nowhere else.

    Args:
        registered: gives the entry points. Those that bear the name of the built-in format are never used.
    """

    def __init__(self, registered: Callable[[], Iterable[EntryPoint]] = installed_formats) -> None:
        self._builtin = LightGBMFormat()
        self._registered = registered

    def names(self) -> tuple[str, ...]:
        """Of all formats that are known, the built-in one first; nothing is imported for this."""
        return (self._builtin.name, *sorted(self._entries()))

    def find(self, name: str) -> ModelFormat:
        """The format of this name.

        Raises:
            ModelRejected: none or several packages register it.
            Refused: the package that registers it does not import, or gives something else than a format.
        """
        if name == self._builtin.name:
            return self._builtin
        entries = self._entries()
        if name not in entries:
            raise ModelRejected(
                f"the format {name!r} is not known here; known are {', '.join(self.names())}. Install a package that "
                f"registers it as an entry point of {GROUP!r}, in the environment of this service"
            )
        return _load(name, entries[name])

    def recognize(self, artifact: bytes, file_name: str) -> ModelFormat:
        """The one format that a file looks like; the built-in one is asked first, and alone where it says yes.

        Raises:
            ModelRejected: it looks like none that is known.
            ConfigError: it looks like several.
        """
        if self._builtin.recognizes(artifact, file_name):
            return self._builtin
        alike: list[ModelFormat] = []
        unusable: list[str] = []
        for name, entries in sorted(self._entries().items()):
            try:
                model_format = _load(name, entries)
                alike += [model_format] if _recognizes(model_format, artifact, file_name) else []
            except ServiceError as error:
                unusable.append(str(error))
        if len(alike) == 1:
            return alike[0]
        if alike:
            names = ", ".join(model_format.name for model_format in alike)
            raise ConfigError(f"the file looks like several formats ({names}): say which with --format")
        what = describe_foreign(artifact) or (
            "this is no LightGBM model text (its first line is not 'tree'); write it with booster.save_model(FILE)"
        )
        raise ModelRejected("; ".join([what, f"formats known here: {', '.join(self.names())}", *unusable]))

    def _entries(self) -> dict[str, list[EntryPoint]]:
        entries: dict[str, list[EntryPoint]] = {}
        for entry in self._registered():
            if entry.name != self._builtin.name:
                entries.setdefault(entry.name, []).append(entry)
        return entries


def _load(name: str, entries: list[EntryPoint]) -> ModelFormat:
    if len(entries) > 1:
        owners = " and ".join(_owner(entry) for entry in entries)
        raise ModelRejected(f"the format {name!r} is registered by {owners}: uninstall all but one of them")
    (entry,) = entries
    where = f"the format {name!r} of {_owner(entry)}"
    try:
        found = entry.load()
        model_format = found() if isinstance(found, type) or not hasattr(found, "recognizes") else found
    except Exception as error:
        raise Refused(f"{where} cannot be used: {entry.value} fails with {describe_cause(error)}") from error
    missing = [member for member in _MEMBERS if not hasattr(model_format, member)]
    if missing:
        raise Refused(f"{where} cannot be used: {entry.value} is no model format, it lacks {', '.join(missing)}")
    if model_format.name != name:
        raise Refused(f"{where} cannot be used: it calls itself {model_format.name!r}")
    return cast("ModelFormat", model_format)


def _recognizes(model_format: ModelFormat, artifact: bytes, file_name: str) -> bool:
    try:
        return model_format.recognizes(artifact, file_name)
    except Exception as error:
        raise Refused(f"the format {model_format.name!r} fails on the file with {describe_cause(error)}") from error


def _owner(entry: EntryPoint) -> str:
    return entry.value if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
