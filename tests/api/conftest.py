"""A run with untrained weights, and images of the synthetic competition, in memory."""

from pathlib import Path

import numpy as np
import pytest
from skimage.io import imread

from hpa.api.run import Run, open_run
from hpa.core.channels import CHANNELS
from hpa.simulation import write_competition
from tests.bundle.small_run import write_small_run


@pytest.fixture(scope="session")
def run_path(tmp_path_factory) -> Path:
    return write_small_run(tmp_path_factory.mktemp("api") / "run")


@pytest.fixture(scope="session")
def run(run_path) -> Run:
    return open_run(run_path)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("api") / "data"
    write_competition(folder, images=4, test_images=2, side_px=256, seed=5)
    return folder


@pytest.fixture(scope="session")
def image_ids(data) -> list[str]:
    return [line.partition(",")[0] for line in (data / "sample_submission.csv").read_text().splitlines()[1:]]


@pytest.fixture(scope="session")
def image(data, image_ids) -> np.ndarray:
    """(height, width, 4)."""
    return np.stack([imread(data / "test" / f"{image_ids[0]}_{channel}.png") for channel in CHANNELS], axis=-1)
