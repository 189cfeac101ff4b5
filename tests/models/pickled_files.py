"""Files of torch.save like the published ones: whole modules whose classes cannot be imported when they are read."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn


@contextmanager
def foreign_class(name: str, module_name: str = "pytorch_zoo.unet") -> Iterator[type[nn.Module]]:
    """A module class that is importable only inside the context, as torch.save wants it."""
    package, module = ModuleType("pytorch_zoo"), ModuleType(module_name)
    kind = type(name, (nn.Module,), {"__module__": module_name})
    setattr(module, name, kind)
    sys.modules.update({"pytorch_zoo": package, module_name: module})
    try:
        yield kind
    finally:
        for imported in ("pytorch_zoo", module_name):
            del sys.modules[imported]


def save_module(module: Any, path: Path, legacy: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the legacy format looks in vain for the source text of the class
        torch.save(module, path, _use_new_zipfile_serialization=not legacy)
