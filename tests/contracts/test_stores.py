"""Every storage that models may lie in: a folder, memory, S3, and one that another package brings."""

import secrets

import pytest

from scoreline.models.store.opening import open_objects as open_url
from scoreline.testing.stores import ObjectStoreContract
from tests.models.foreign_store import install_foreign_store


class TestFolder(ObjectStoreContract):
    @pytest.fixture
    def open_objects(self, tmp_path):
        return lambda: open_url(str(tmp_path / "a folder" / "store"))


class TestFileUrl(ObjectStoreContract):
    @pytest.fixture
    def open_objects(self, tmp_path):
        return lambda: open_url(f"file://{tmp_path}/store")


class TestMemory(ObjectStoreContract):
    @pytest.fixture
    def open_objects(self):
        url = f"memory://store-{secrets.token_hex(8)}"
        return lambda: open_url(url)


@pytest.mark.slow
class TestS3(ObjectStoreContract):
    @pytest.fixture
    def open_objects(self, s3):
        return lambda: open_url(s3.url)


class TestInstalledByAnotherPackage(ObjectStoreContract):
    @pytest.fixture
    def open_objects(self, tmp_path, monkeypatch):
        install_foreign_store(tmp_path / "site-packages", monkeypatch, scheme="shelf")
        return lambda: open_url(f"shelf://{tmp_path}/shelf.db")
