"""A small synthetic world and the config composer, shared by the tests of whole runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from hpa.app.main import task_words
from hpa.simulation import write_competition

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """Ten training and four test fields of 256 px in the competition's layout."""
    folder = tmp_path_factory.mktemp("world") / "data"
    write_competition(folder, images=14, test_images=4, side_px=256, seed=5)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """A store of cells that the tests share, as runs do."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def composed(cache) -> Callable[..., DictConfig]:
    """Compose the config of train.py or infer.py as the command line would; the page takes longer than a tiny run."""

    def composer(name: str, *overrides: str) -> DictConfig:
        words = [f"hydra.searchpath=[file://{ROOT}]"]
        words += ["report=false", *overrides, f"store.folder={cache}"] if name == "train" else overrides
        if name == "infer" and "ckpt=somewhere" not in overrides:
            words += task_words(overrides)
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose(name, overrides=words)
        return OmegaConf.create({key: value for key, value in config.items() if key != "hydra"})

    return composer
