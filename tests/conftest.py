"""What every test shares: where real samples lie, no network, one thread."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; threads that wait for each other are slower

import pytest
from hypothesis import settings

from tests.small_cellpose import small_cellpose  # noqa: F401  # a fixture of three test packages

# The same examples every time where a change is judged; new ones on a developer's machine.
settings.register_profile("everywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of real sample images; skips where it is not given."""
    folder = os.environ.get("HPA_SAMPLES")
    if not folder:
        pytest.skip("HPA_SAMPLES is not set: real sample images are not at hand")
    return Path(folder)
