"""Single-cell protein localisation from weak image labels: segment, learn, predict, submit.

`docs/python_api.md` shows the interface. Its names are imported when they are used, so that `import hpa` is fast.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpa.api.masks import decode, encode
    from hpa.api.parts import part
    from hpa.api.predictions import Predictions
    from hpa.api.run import Run, open_run
    from hpa.api.scoring import score, score_segmentation
    from hpa.api.segmenting import segment
    from hpa.api.synthetic import synth
    from hpa.api.training import infer, train
    from hpa.core.errors import InputError

# albumentations looks up its newest version at import; a machine at a microscope may have no network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# Threads of OpenMP that have nothing to do spin and take the cores from another busy process: both become several times
# slower (docs/explanation/reproducibility.md). Read when torch is loaded, so it stands before any import of it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.2.0"
__all__ = [
    "InputError",
    "Predictions",
    "Run",
    "decode",
    "encode",
    "infer",
    "open_run",
    "part",
    "score",
    "score_segmentation",
    "segment",
    "synth",
    "train",
]
_HOME = {
    "InputError": "core.errors",
    "Predictions": "api.predictions",
    "Run": "api.run",
    "decode": "api.masks",
    "encode": "api.masks",
    "infer": "api.training",
    "open_run": "api.run",
    "part": "api.parts",
    "score": "api.scoring",
    "score_segmentation": "api.scoring",
    "segment": "api.segmenting",
    "synth": "api.synthetic",
    "train": "api.training",
}
"""The module of each name."""


def __getattr__(name: str) -> Any:
    """Import a name of the interface at its first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'hpa' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"hpa.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names of the interface, also those not used yet."""
    return sorted({*globals(), *__all__})
