"""What `/models` tells: the store's versions and aliases, what of them is loaded, and how shadows compare."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from scoreline.errors import ServiceError
from scoreline.http.model_answers import AliasAnswer, ListingAnswer, ShadowAnswer, VersionAnswer
from scoreline.models.compiled.outcomes import EngineState
from scoreline.models.live import LiveVersions
from scoreline.models.model import ModelVersion
from scoreline.models.reloading import Reloader
from scoreline.models.routes import find_naming
from scoreline.models.store import ModelStore
from scoreline.observability.comparisons import QUANTILES, Comparison

T = TypeVar("T")


class StoreListing:
    """Implements `scoreline.http.models.ModelListing` for the served model."""

    def __init__(
        self,
        store: ModelStore,
        versions: LiveVersions,
        reloader: Reloader,
        describe_engine: Callable[[ModelVersion], EngineState],
        compare_shadows: Callable[[], list[Comparison]],
    ) -> None:
        self._store = store
        self._versions = versions
        self._reloader = reloader
        self._describe_engine = describe_engine
        self._compare_shadows = compare_shadows

    def list_versions(self) -> ListingAnswer:
        """Every version of the model, its aliases, and which are loaded."""
        name = self._versions.name
        resident = {v.version: v for v in self._versions.resident()}
        aliases, alias_problem = self._read(
            lambda: self._store.aliases(name), {self._versions.alias: self._versions.route}
        )
        numbers, number_problem = self._read(lambda: self._store.versions(name), tuple(resident))
        latest = self._reloader.latest
        return {
            "model": name,
            "live": {"alias": self._versions.alias, **self._versions.route.to_json()},
            "reload": {"outcome": latest.outcome, "detail": latest.detail or None},
            "aliases": {alias: route.to_json() for alias, route in aliases.items()},
            "problem": alias_problem or number_problem,
            "versions": [
                self._describe_version(number, find_naming(aliases, number), resident.get(number)) for number in numbers
            ],
            "shadows": [_describe(each) for each in self._compare_shadows()],
        }

    @staticmethod
    def _read(ask: Callable[[], T], known: T) -> tuple[T, str | None]:
        """What the store says; where it does not, what is known here, and why: all else is to be seen all the same."""
        try:
            return ask(), None
        except ServiceError as error:
            return known, str(error)
        except OSError as error:
            return known, f"{type(error).__name__}: {error}"

    def _describe_version(self, number: int, aliases: list[str], version: ModelVersion | None) -> VersionAnswer:
        """Where it is loaded also what computes it, and why that is not the engine that was asked for."""
        state = None if version is None else self._describe_engine(version)
        return {
            "version": number,
            "aliases": aliases,
            "loaded": version is not None,
            "engine": None if state is None else state.engine,
            "compiling": state is not None and state.compiling,
            "not_compiled": None if state is None else state.refused,
        }

    def show_version(self, selector: str) -> Mapping[str, Any]:
        """The manifest of one version; of an alias that several answer, which they are."""
        route = self._versions.find_route(selector)
        if route.only is None:
            answer: AliasAnswer = {"name": self._versions.name, "alias": selector, **route.to_json()}
            return answer
        manifest = self._store.manifest(self._versions.name, route.only)
        shown: dict[str, Any] = msgspec.to_builtins(manifest)
        return shown


def _describe(comparison: Comparison) -> ShadowAnswer:
    quantiles = {str(q): value for q, value in zip(QUANTILES, comparison.quantiles, strict=True)}
    return {
        "version": comparison.version,
        "shadow": comparison.shadow,
        "count": comparison.count,
        "difference": {"mean": comparison.mean, "quantiles": quantiles, "overflowed": comparison.overflowed},
        "agreement": comparison.agreement,
        "rank_correlation": comparison.rank_correlation,
    }
