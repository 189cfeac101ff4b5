"""Every module imports where no extra is installed: optional packages are asked for when they are used."""

import subprocess
import sys

OPTIONAL = ("anndata", "bioio", "cellpose", "onnx", "onnxruntime", "onnxscript")
PROGRAM = f"""
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")  # of old versions of other packages: this is about ours
sys.modules.update(dict.fromkeys({OPTIONAL}))  # importing one of these fails as if it were not installed
import hpa
for module in pkgutil.walk_packages(hpa.__path__, "hpa."):
    importlib.import_module(module.name)
    print(module.name)
"""


def test_every_module_imports_without_extras():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hpa.inference.onnx_file" in done.stdout.split()
