"""The catalog that the configuration asks for: a registry where one has an address, else the folder."""

from scoreline.config.settings import Settings
from scoreline.schemas.catalog import SchemaCatalog
from scoreline.schemas.folder import FolderCatalog


def open_catalog(settings: Settings) -> SchemaCatalog:
    """Open the schema registry, or read the folder of schemas.

    Raises:
        ConfigError: the folder has schemas that contradict each other, or the registry needs an extra.
    """
    if settings.schema_registry_url is None:
        return FolderCatalog(settings.schema_dir)
    from scoreline.schemas.registry import RegistryCatalog

    return RegistryCatalog(
        settings.schema_registry_url,
        username=settings.schema_registry_username,
        password=settings.schema_registry_password,
        token=settings.schema_registry_token,
        ca=settings.schema_registry_ca,
        auto_register=settings.schema_auto_register,
    )
