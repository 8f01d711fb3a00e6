"""The example package, installed as its users install it, beside a scoreline that does not know of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent / "scoreline-onnx"
PIP = ("pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")


@pytest.fixture(scope="session")
def onnx_site(tmp_path_factory):
    """A folder that the package was built and installed into; nothing is fetched."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", *PIP, "--target", str(folder), str(EXAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def scoreline_onnx(onnx_site):
    """The installed package, importable here and in every process that is started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(onnx_site))
        patch.setenv("PYTHONPATH", str(onnx_site), prepend=os.pathsep)
        import scoreline_onnx

        yield scoreline_onnx
