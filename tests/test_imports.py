"""Every module imports where no extra is installed: optional packages are asked for when they are used."""

import os
import subprocess
import sys

import pytest

OPTIONAL = (
    *(
        "aiohttp",
        "anndata",
        "bioio",
        "cellpose",
        "imagecodecs",
        "joblib",
        "mlflow",
        "onnx",
        "onnxruntime",
        "onnxscript",
    ),
    *("optuna", "ray", "starlette", "submitit", "tensorboard", "umap", "uvicorn", "zarr"),
)
OF_AN_EXTRA = {"hpa.explorer.server": "its command names the extra before it is imported"}
PROGRAM = f"""
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")  # of old versions of other packages: this is about ours
sys.modules.update(dict.fromkeys({OPTIONAL}))  # importing one of these fails as if it were not installed
import hpa
for module in pkgutil.walk_packages(hpa.__path__, "hpa."):
    if module.name not in {set(OF_AN_EXTRA)}:
        importlib.import_module(module.name)
        print(module.name)
"""


def test_every_module_imports_without_extras():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hpa.inference.onnx_file" in done.stdout.split()


@pytest.mark.parametrize(("given", "found"), [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active")])
def test_idle_threads_leave_the_cores_to_others_unless_the_user_chose(given, found):
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    program = "import hpa, os, sys; assert 'torch' not in sys.modules; print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=others | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == found
