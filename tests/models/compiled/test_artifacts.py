import pytest

from scoreline.errors import Refused, Unavailable
from scoreline.models.compiled.artifacts import Artifacts, describe_environment

SHA = "ab" * 32


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path, environment="this processor")


def test_what_was_kept_is_found_again_in_its_pieces(artifacts, tmp_path):
    assert artifacts.find(SHA) is None
    artifacts.keep(SHA, [b"one\n", b"", b"three"])
    assert Artifacts(tmp_path, environment="this processor").find(SHA) == (b"one\n", b"", b"three")


@pytest.mark.parametrize("other", ["that processor", ""])
def test_code_for_another_processor_or_version_is_not_found(artifacts, tmp_path, other):
    artifacts.keep(SHA, [b"code"])
    assert Artifacts(tmp_path, environment=other).find(SHA) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data.replace(b"code", b"cOde"),
        lambda data: data[:10],
        lambda _: b"",
    ],
    ids=["cut", "longer", "changed", "head cut", "empty"],
)
def test_damaged_code_is_as_good_as_none(artifacts, tmp_path, damage):
    artifacts.keep(SHA, [b"code", b"more"])
    (path,) = tmp_path.glob("*.objects")
    path.write_bytes(damage(path.read_bytes()))
    assert artifacts.find(SHA) is None
    artifacts.keep(SHA, [b"code"])
    assert artifacts.find(SHA) == (b"code",)


def test_a_proof_holds_for_this_code_of_this_model_only(artifacts):
    artifacts.remember_proved(SHA, [b"code"])
    assert artifacts.was_proved(SHA, [b"code"])
    assert not artifacts.was_proved(SHA, [b"edoc"])
    assert not artifacts.was_proved("cd" * 32, [b"code"])


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((Unavailable, Refused), match="SCORELINE_CACHE_DIR"):
        Artifacts(tmp_path / "file", environment="").keep(SHA, [b"code"])


def test_the_environment_names_libraries_and_processor():
    environment = describe_environment()
    for word in ("lleaves 1.3", "llvmlite 0.44", "lightgbm ", "python 3.", "large"):
        assert word in environment
