"""The scripts, configs and recipes of the project beside its wheel, and the README with the steps."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path

from hpa.bundle.notebook import notebook_text
from hpa.bundle.notebook_image import NotebookImage
from hpa.core.errors import InputError

SCRIPTS = ("train.py", "infer.py")
CONFIGS = ("conf", "experiments")
SETTINGS_FILE = "project/conf/bundle.yaml"
_README = """# A submission without internet

1. Make a new data set of the notebook service from this folder, and keep its folders as they are
   (upload it zipped; the service unpacks it).
2. Make a new notebook by importing `notebook.ipynb`.
3. Attach two inputs to it: that data set, and the competition with `sample_submission.csv` and `test/`.
4. In its settings switch the internet off and choose a GPU.
5. Run all cells. `submission.csv` is written; save the version and submit it.

The notebook's image must have Python {python}. Packages expected in the image, whose wheels are not in the bundle:
{packages}.
If the installing cell reports a missing package, run `pip freeze > image.txt` in a notebook of that kind and make
the bundle again with `hpa bundle … --have image.txt`.

| here | what |
|---|---|
| `notebook.ipynb` | checks the upload, installs from `wheels/`, runs `infer.py`, checks `submission.csv` |
| `wheels/` | the project and every package that the image lacks |
| `weights/` | {runs}; without the state of training |
| `project/` | `infer.py`, `train.py`, configs and recipes; `conf/bundle.yaml` holds the settings |
| `hpa_bundle.json` | versions, runs, and size and hash of every file |

By hand, wherever the wheels are installed:

```
python project/infer.py --config-name bundle data.root=DIR out=submission.csv
```
"""


def copy_project(root: Path, bundle: Path) -> None:
    """Copy the scripts, configs and recipes.

    Raises:
        InputError: If `root` is not the project's folder.
    """
    missing = [name for name in (*SCRIPTS, *CONFIGS) if not (root / name).exists()]
    if missing:
        raise InputError(f"{root}: {', '.join(missing)} was expected there; set HPA_ROOT to the project's folder.")
    project = bundle / "project"
    project.mkdir()
    for name in SCRIPTS:
        shutil.copyfile(root / name, project / name)
    for name in CONFIGS:
        shutil.copytree(root / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))


def write_pages(bundle: Path, image: NotebookImage, runs: Sequence[str]) -> None:
    """Write the notebook and the README."""
    packages = textwrap.fill(", ".join(sorted(image.packages)) or "none", 118)
    readme = _README.format(python=image.python, packages=packages, runs=", ".join(runs))
    (bundle / "README.md").write_text(readme, encoding="utf-8")
    (bundle / "notebook.ipynb").write_text(notebook_text(), encoding="utf-8")
