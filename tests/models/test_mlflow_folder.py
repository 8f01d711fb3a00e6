import pytest

from scoreline.errors import ConfigError, ModelRejected
from scoreline.features import Kind
from scoreline.models.mlflow_folder import read_mlflow_folder
from tests.models.mlflow_folders import write_mlflow_folder

INPUTS = [
    {"type": "double", "name": "x", "required": True},
    {"type": "boolean", "name": "flag'é", "required": True},
    {"type": "long", "name": "count", "required": False},
    {"type": "string", "name": "place"},
]


def test_the_text_is_read_and_the_signature_tells_booleans_and_whole_numbers(tmp_path):
    text, types = read_mlflow_folder(write_mlflow_folder(tmp_path / "model", b"tree\n", inputs=INPUTS))
    assert text == b"tree\n"
    assert types.kinds == {"flag'é": Kind.BOOLEAN, "count": Kind.INTEGER}
    assert types.levels == {}


@pytest.mark.parametrize("inputs", [None, [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]])
def test_without_a_signature_by_columns_nothing_is_told_of_them(tmp_path, inputs):
    assert read_mlflow_folder(write_mlflow_folder(tmp_path / "model", b"tree\n", inputs=inputs))[1].kinds == {}


@pytest.mark.parametrize("data", ["model.pkl", "model.skops"])
def test_a_pickle_is_refused_with_the_way_out(tmp_path, data):
    folder = write_mlflow_folder(
        tmp_path / "model", b"\x80\x04", data=data, model_class="lightgbm.sklearn.LGBMClassifier"
    )
    with pytest.raises(ModelRejected, match=r"pickled lightgbm\.sklearn\.LGBMClassifier.*scoreline\.publish\(mlflow"):
        read_mlflow_folder(folder)


@pytest.mark.parametrize("data", ["../model.lgb", "/etc/model.lgb"])
def test_a_file_outside_the_folder_is_not_read(tmp_path, data):
    with pytest.raises(ConfigError, match="should name a file of the folder"):
        read_mlflow_folder(write_mlflow_folder(tmp_path / "model", b"tree\n", data=data))


def test_another_flavour_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match="has no flavour lightgbm; it has python_function, xgboost"):
        read_mlflow_folder(write_mlflow_folder(tmp_path / "model", b"", flavour="xgboost"))


def test_a_folder_of_something_else_and_a_missing_model_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="not of an MLflow model"):
        read_mlflow_folder(tmp_path)
    folder = write_mlflow_folder(tmp_path / "model", b"")
    (folder / "model.lgb").unlink()
    with pytest.raises(ConfigError, match=r"model\.lgb cannot be read: No such file"):
        read_mlflow_folder(folder)
    (folder / "MLmodel").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="MLmodel cannot be read"):
        read_mlflow_folder(folder)


def test_a_signature_that_is_none_is_refused(tmp_path):
    folder = write_mlflow_folder(tmp_path / "model", b"")
    with (folder / "MLmodel").open("a") as file:
        file.write("signature:\n  inputs: '[{'\n")
    with pytest.raises(ConfigError, match=r"the signature in .* cannot be read"):
        read_mlflow_folder(folder)
