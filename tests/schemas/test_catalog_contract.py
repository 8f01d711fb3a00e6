from pathlib import Path

import pytest

from scoreline.schemas.folder import FolderCatalog, write_schema
from scoreline.schemas.parsing import parse_schema_text
from scoreline.schemas.registry import RegistryCatalog
from scoreline.testing.registry_stub import RegistryStub
from tests.schemas.catalog_contract import CatalogContract, FakeClock


class FolderShelf:
    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self._path = path
        self._last = 0
        self.catalog = FolderCatalog(path, clock=self.clock)

    def add(self, subject: str, text: str) -> int:
        self._last += 1
        return write_schema(self._path, subject, parse_schema_text(text), self._last)

    def next_id(self) -> int:
        return self._last + 1


class StubShelf:
    def __init__(self, stub: RegistryStub) -> None:
        self.clock = FakeClock()
        self._stub = stub
        self.catalog = RegistryCatalog(stub.url, clock=self.clock)

    def add(self, subject: str, text: str) -> int:
        return self._stub.add(subject, text)

    def next_id(self) -> int:
        return len(self._stub.entries) + 1


class TestFolder(CatalogContract):
    @pytest.fixture
    def shelf(self, tmp_path):
        shelf = FolderShelf(tmp_path)
        shelf.clock.now += 60
        return shelf


@pytest.mark.usefixtures("one_authority")
class TestRegistryStub(CatalogContract):
    @pytest.fixture
    def shelf(self):
        with RegistryStub() as stub:
            shelf = StubShelf(stub)
            yield shelf
            shelf.catalog.close()
