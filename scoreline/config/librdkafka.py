"""The user's librdkafka properties, as each client is to be given them; scoreline's own are merged over them later."""

from scoreline.config.environment import PREFIX
from scoreline.config.properties import Scope, known_properties
from scoreline.config.settings import Settings
from scoreline.errors import ConfigError


def consumer_properties(settings: Settings, *, member_suffix: str = "") -> dict[str, str]:
    """Properties for a consumer: those for every client, then `CONSUMER_` over them.

    Args:
        member_suffix: behind the member's name where it is `group.instance.id`, for processes with several members.

    Raises:
        ConfigError: there is no broker to connect to.
    """
    named = settings.static_membership and settings.member_id is not None
    member = {"group.instance.id": f"{settings.member_id}{member_suffix}"} if named else {}
    return {**_merge(settings, Scope.CONSUMER), **member}


def producer_properties(settings: Settings) -> dict[str, str]:
    """Properties for a producer: those for every client, then `PRODUCER_` over them.

    Raises:
        ConfigError: there is no broker to connect to.
    """
    return _merge(settings, Scope.PRODUCER)


def admin_properties(settings: Settings) -> dict[str, str]:
    """Properties for an admin client: those for every client.

    Raises:
        ConfigError: there is no broker to connect to.
    """
    return _merge(settings, Scope.EVERY)


def _merge(settings: Settings, client: Scope) -> dict[str, str]:
    if settings.kafka_bootstrap_servers is None:
        raise ConfigError(f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS is not set: expected host:port,… of the brokers")
    known = known_properties()
    asked = {**settings.client_properties.every}
    if client is not Scope.EVERY:
        asked |= settings.client_properties.of(client)
    # A client that is given another's property ignores it, and says so on stderr each time.
    fitting = {name: value for name, value in asked.items() if known[name] in (Scope.EVERY, client)}
    named = {} if settings.member_id is None else {"client.id": settings.member_id}
    return {"bootstrap.servers": settings.kafka_bootstrap_servers, **named, **fitting}
