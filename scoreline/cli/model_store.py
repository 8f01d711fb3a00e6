"""What the commands on the model store share: their arguments, the store, and who runs them."""

from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.models.publisher import whoami

__all__ = ["DEFAULT_ALIAS", "WHEN_SERVED", "AsJson", "Name", "Selector", "choose_version", "open_store", "whoami"]

if TYPE_CHECKING:
    from scoreline.models.store import ModelStore

WHEN_SERVED = "running services that answer by it follow when they next look (SCORELINE_MODEL_RELOAD_SECONDS)"
"""Of what an alias means: a service looks at the alias that it answers by now and then."""

DEFAULT_ALIAS = "production"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The model's name in the store.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
Selector = Annotated[str, typer.Argument(metavar="VERSION", help="A version number, an alias, or latest.")]


def open_store() -> "ModelStore":
    """The store that the settings name."""
    from scoreline.config.settings import load_settings
    from scoreline.models.store import ModelStore

    return ModelStore(load_settings().model_store)


def choose_version(store: "ModelStore", name: str, selector: str) -> int:
    """The version that a selector means now."""
    from scoreline.models.selectors import find_version

    return find_version(store, name, selector)
