"""What a selector means in a store: a version number, an alias, or `latest`; and which model, where nobody says."""

from scoreline.errors import ConfigError, ModelNotFound
from scoreline.models.names import LATEST, is_selector, parse_number
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore

_SHOWN = 100


def find_route(store: ModelStore, name: str, selector: str) -> Route:
    """What a selector means now: the route over one version, or over several; asks the store.

    Raises:
        ModelNotFound: there is no such version, alias or model, or the text is no selector.
        ModelRejected: the alias is damaged.
        Unavailable, Refused: the store is away or refuses.
    """
    if not is_selector(selector):
        raise ModelNotFound(f"{selector[:_SHOWN]!r} is no version number, alias or {LATEST!r}")
    number = parse_number(selector)
    if number is not None:
        store.find(name, number)
        return Route.to(number)
    return Route.to(store.latest(name)) if selector == LATEST else store.alias(name, selector)


def find_version(store: ModelStore, name: str, selector: str) -> int:
    """The number of the one version that a selector means now; asks the store.

    Raises:
        ConfigError: the alias is a route over several.
        Otherwise as `find_route`.
    """
    route = find_route(store, name, selector)
    if route.only is None:
        raise ConfigError(f"{selector} of {name} means {route}; say which of them, by its number")
    return route.only


def find_only_model(store: ModelStore) -> str:
    """The store's only model, for when nobody says which.

    Raises:
        ModelNotFound: there is none, or there are several; the message says what to do.
    """
    names = store.names()
    if not names:
        raise ModelNotFound(
            f"the model store {store.url} has no model; publish one: "
            "scoreline models publish NAME FILE --alias production"
        )
    if len(names) > 1:
        raise ModelNotFound(
            f"the model store {store.url} has {len(names)} models ({', '.join(names[:5])}); "
            "set SCORELINE_MODEL to the one to serve"
        )
    return names[0]
