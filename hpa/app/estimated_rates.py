"""How often labels of images are wrong, as a training assumed or estimated it: `RUN/estimated_rates.csv`."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from torch import nn

from hpa.core.whole_file import whole_file
from hpa.supervision.image_posterior import ImagePosterior
from hpa.training.run_folder import RunFolder

FILE_NAME = "estimated_rates.csv"


def write_estimated_rates(run: RunFolder, supervision: nn.Module, class_names: Sequence[str]) -> None:
    """Write a row a class, where the strategy has rates; those of the strategy as it ended."""
    posteriors = [module for module in supervision.modules() if isinstance(module, ImagePosterior)]
    if not posteriors:
        return
    last = posteriors[-1]
    rates = {
        "false_negative_rate": last.false_negative_rate.tolist(),
        "false_positive_rate": last.false_positive_rate.tolist(),
    }
    with whole_file(run.path / FILE_NAME) as file:
        pd.DataFrame({"class": list(class_names), **rates}).to_csv(file, index=False, float_format="%.4f")
