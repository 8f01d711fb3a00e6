import pytest

from scoreline.errors import ConfigError, ModelRejected, Refused
from scoreline.models.formats import KnownFormats
from scoreline.models.formats.known import installed_formats
from scoreline.models.formats.lightgbm_text import LightGBMFormat
from tests.models.builders import train
from tests.models.formats.installed import ROWS_SUM, entry, install


def known(*entries):
    return KnownFormats(lambda: entries)


@pytest.fixture
def module(monkeypatch, tmp_path):
    """A module with a sound format, and other things that an entry point may lead to."""
    code = ROWS_SUM + (
        "\nmade = Format()\n\ndef make():\n    return Format()\n\ndef fail():\n    raise LookupError('no device')\n"
        "\nclass Other(Format):\n    name = 'other'\n"
        "\nclass Rude(Format):\n    name = 'rude'\n    def recognizes(self, *_):\n        raise KeyError('magic')\n"
    )
    install(monkeypatch, tmp_path / "site", "kinds_of_formats", code, name="sum")
    return "kinds_of_formats"


def test_an_installed_package_adds_its_format(module):
    """Through its metadata, as pip writes it."""
    assert "sum" in {each.name for each in installed_formats()}
    assert KnownFormats().find("sum").runtime == "sum 1.0"


@pytest.mark.parametrize("target", ["Format", "made", "make"])
def test_a_class_a_factory_or_an_object_is_registered(module, target):
    assert known(entry("sum", f"{module}:{target}")).find("sum").name == "sum"


@pytest.mark.parametrize(
    ("name", "target", "reason"),
    [
        ("sum", "nowhere:Format", "ModuleNotFoundError"),
        ("sum", "kinds_of_formats:Missing", "AttributeError"),
        ("sum", "kinds_of_formats:fail", "LookupError: no device"),
        ("sum", "builtins:dict", "is no model format, it lacks name, runtime, probe_bytes"),
        ("another", "kinds_of_formats:Format", "calls itself 'sum'"),
    ],
)
def test_a_package_that_gives_no_format_is_refused_where_it_is_needed_and_nowhere_else(module, name, target, reason):
    formats = known(entry(name, target))
    assert formats.find("lightgbm").name == "lightgbm"
    assert formats.recognize(train("binary").text, "").name == "lightgbm"
    assert formats.names() == ("lightgbm", name)
    with pytest.raises(Refused, match=reason):
        formats.find(name)


def test_two_packages_with_one_name_are_refused_by_their_names(module, monkeypatch, tmp_path):
    install(monkeypatch, tmp_path / "second", "second_sum", ROWS_SUM, name="sum")
    formats = KnownFormats()
    with pytest.raises(
        ModelRejected, match=r"registered by (kinds_of_formats|second_sum) 1\.0 and .* 1\.0: uninstall all but one"
    ):
        formats.find("sum")
    assert formats.find("lightgbm").name == "lightgbm"


def test_nobody_takes_the_place_of_the_built_in_format(module):
    formats = known(entry("lightgbm", f"{module}:Format"))
    assert isinstance(formats.find("lightgbm"), LightGBMFormat)
    assert formats.names() == ("lightgbm",)


def test_a_file_is_recognized_by_the_one_format_that_it_looks_like(module):
    formats = known(entry("rude", f"{module}:Rude"), entry("sum", f"{module}:Format"), entry("lost", "nowhere:X"))
    assert formats.recognize(b"sum 2", "").name == "sum"


def test_a_file_that_looks_like_several_formats_needs_a_word(module):
    formats = known(entry("sum", f"{module}:Format"), entry("other", f"{module}:Other"))
    with pytest.raises(ConfigError, match=r"several formats \(other, sum\): say which with --format"):
        formats.recognize(b"sum 2", "")


def test_a_file_that_no_format_recognizes_is_rejected_with_what_is_known_and_what_failed(module):
    formats = known(entry("rude", f"{module}:Rude"), entry("lost", "nowhere:X"))
    with pytest.raises(ModelRejected) as caught:
        formats.recognize(b"noise", "model.bin")
    told = str(caught.value)
    assert "no LightGBM model text" in told
    assert "formats known here: lightgbm, lost, rude" in told
    assert "'rude' fails on the file with KeyError: 'magic'" in told
    assert "'lost' of nowhere:X cannot be used" in told
