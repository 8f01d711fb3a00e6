"""Which storage a URL means, and what is said where it means none."""

import sys

import pytest
from fsspec import AbstractFileSystem

from scoreline.config.urls import find_scheme, hide_credentials, mask_url
from scoreline.errors import ConfigError, ModelNotFound, Unavailable
from scoreline.models.store import ModelStore
from scoreline.models.store.fsspec_objects import FsspecObjects
from scoreline.models.store.opening import open_objects
from tests.models.builders import MANIFEST
from tests.models.foreign_store import install_foreign_store


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("models", ""),
        ("/a/b:c/d", ""),
        ("./s3:/x", ""),
        ("file:///a", "file"),
        ("S3://bucket/x", "s3"),
        ("my-store+v2://x", "my-store+v2"),
        ("simplecache::s3://bucket", "simplecache"),
    ],
)
def test_the_scheme_is_what_stands_before_the_first_colons(url, scheme):
    assert find_scheme(url) == scheme


def test_models_can_lie_in_what_another_package_brings(tmp_path, monkeypatch):
    install_foreign_store(tmp_path / "site-packages", monkeypatch, scheme="shelf")
    store = ModelStore(f"shelf://{tmp_path}/shelf.db")
    store.set_alias("flights", "production", store.add_version(MANIFEST).version, by="me")
    again = ModelStore(f"shelf://{tmp_path}/shelf.db")
    assert (again.names(), again.alias("flights", "production").only) == (("flights",), 1)


def test_an_unknown_scheme_comes_with_the_known_ones_and_the_extra(tmp_path, monkeypatch):
    install_foreign_store(tmp_path / "site-packages", monkeypatch, scheme="shelf")
    with pytest.raises(ConfigError) as raised:
        open_objects("unheard-of://x")
    for word in ("unheard-of://x", "a folder", "memory://", "s3://", "shelf://", "pip install 'scoreline[s3]'"):
        assert word in str(raised.value)


def test_s3_without_its_extra_comes_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigError, match=r"s3://bucket/x cannot be used: .*pip install 'scoreline\[s3\]'"):
        open_objects("s3://bucket/x")


def test_a_scheme_of_fsspec_comes_with_the_package_that_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ConfigError, match="gcsfs"):
        open_objects("gs://bucket/x")


@pytest.mark.parametrize("url", ["s3://", "s3:///folder"])
def test_s3_without_a_bucket_is_a_configuration_error(url):
    with pytest.raises(ConfigError, match="names no bucket; expected s3://BUCKET"):
        open_objects(url)


def test_two_packages_with_one_scheme_are_named(tmp_path, monkeypatch):
    for package in ("shelf-store", "other-shelf"):
        install_foreign_store(tmp_path / package, monkeypatch, scheme="shelf", package=package)
    with pytest.raises(ConfigError, match="other-shelf, shelf-store; uninstall all but one"):
        open_objects("shelf:///x.db")


def test_a_package_that_fails_is_named(tmp_path, monkeypatch):
    install_foreign_store(tmp_path / "site", monkeypatch, scheme="shelf", package="torn-shelf", target="Missing")
    with pytest.raises(ConfigError, match="torn-shelf, which brings it, fails: AttributeError"):
        open_objects("shelf:///x.db")


def test_what_a_package_says_of_a_url_is_passed_on(tmp_path, monkeypatch):
    install_foreign_store(tmp_path / "site", monkeypatch, scheme="shelf", package="strict-shelf")
    with pytest.raises(ConfigError, match=r"^shelf:// needs the path of a database$"):
        open_objects("shelf://")


def test_a_driver_that_would_overwrite_is_refused(monkeypatch):
    """What ignores `mode` would take a number that another publisher has."""

    class Overwriting(AbstractFileSystem):
        protocol = "overwriting"

        def pipe_file(self, path, value, **options):
            raise AssertionError("it was used")

    monkeypatch.setitem(sys.modules["fsspec.registry"]._registry, "overwriting", Overwriting)
    with pytest.raises(ConfigError, match="Overwriting of this version cannot write a file only where there is none"):
        FsspecObjects("overwriting://x")


@pytest.mark.parametrize(
    ("error", "expected"), [(RuntimeError("half closed"), Unavailable), (KeyError("x"), Unavailable)]
)
def test_whatever_a_driver_raises_has_a_name(monkeypatch, error, expected):
    objects = FsspecObjects("memory://anything")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(objects._files, "cat_file", fail)
    with pytest.raises(expected, match="cannot be reached"):
        objects.read("x")


def test_a_file_url_is_the_folder(tmp_path):
    ModelStore(str(tmp_path)).add_version(MANIFEST)
    assert ModelStore(f"file://{tmp_path}").versions("flights") == (1,)
    with pytest.raises(ModelNotFound, match="no version 2"):
        ModelStore(f"file://{tmp_path}").manifest("flights", 2)


SECRET_URLS = ["ftp://ann:s3cr%2Ft@host/models", "sftp://ann:s3cr%2Ft@host:22/x", "webdav+x://s3cr%2Ft@host"]


@pytest.mark.parametrize("url", SECRET_URLS)
def test_credentials_of_a_url_are_never_shown(url):
    for text in (mask_url(url), hide_credentials(url, f"no answer from {url} for user ann with s3cr/t or s3cr%2Ft")):
        assert "s3cr" not in text
        assert "***" in text
    assert mask_url("s3://bucket/a@b") == "s3://bucket/a@b"


def test_a_store_and_its_errors_do_not_show_the_credentials_of_its_url(monkeypatch):
    objects = FsspecObjects("memory://ann:s3cret@host/x")

    def fail(*_: object, **__: object) -> None:
        raise OSError("login ann:s3cret failed at memory://ann:s3cret@host")

    monkeypatch.setattr(objects._files, "ls", fail)
    with pytest.raises(Unavailable) as raised:
        objects.list()
    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert "s3cret" not in ModelStore("memory://ann:s3cret@host/x").url
    with pytest.raises(ConfigError, match="takes no credentials from a URL; give them by AWS_ACCESS_KEY_ID") as refused:
        open_objects("s3://ann:s3cret@bucket/x")
    assert "s3cret" not in str(refused.value)


def test_a_scheme_that_is_unknown_is_named_without_the_credentials():
    with pytest.raises(ConfigError) as raised:
        open_objects("unheard-of://ann:s3cret@host")
    assert "s3cret" not in str(raised.value)
