from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cases(samples: Path) -> Path:
    """Folder of reference values of the published segmenter."""
    folder = samples.parent / "cases/hpa_cell"
    if not folder.is_dir():
        pytest.skip(f"{folder}: no reference values beside the samples")
    return folder
