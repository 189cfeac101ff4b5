"""What every test shares: checked shapes, where real samples lie, no network, one thread."""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; threads that wait for each other are slower

import pytest
from hypothesis import settings

from tests import shape_checks
from tests.warm import Warm

pytest_plugins = ["tests.browser", "tests.small_runs", "tests.small_sets"]  # fixtures of several packages

gc.disable()  # until tests are collected: what imports make lives as long as the process, looking for rubbish is vain
shape_checks.install()

# The same examples every time where a change is judged; new ones on a developer's machine, so that many are tried in a
# week. `make test-thorough` tries twenty times as many at once.
settings.register_profile("everywhere", deadline=None, max_examples=15)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=15)
settings.register_profile("thorough", deadline=None, max_examples=300)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")

ROOT = Path(__file__).resolve().parents[1]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """Look for rubbish again, but not among the hundred thousands of objects of imported packages, which end last."""
    gc.freeze()
    gc.enable()
    try:
        return (yield)
    finally:
        gc.unfreeze()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for examples in the docstrings of the package alone: looking through all tests takes seconds."""
    collectors = yield
    return [collector for collector in collectors if type(collector) is pytest.Module]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let fast tests begin: most faults are seen within minutes. Those of the whole project follow: each is long."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is not None, item.path.parent != ROOT / "tests"))


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of real sample images; skips where it is not given."""
    folder = os.environ.get("HPA_SAMPLES")
    if not folder:
        pytest.skip("HPA_SAMPLES is not set: real sample images are not at hand")
    return Path(folder)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Starts `train.py`, `infer.py` and `hpa` in processes of their own, without seconds of imports for each."""
    with Warm() as started:
        yield started


@pytest.fixture
def sigint_enabled() -> Iterator[None]:
    """Child processes receive SIGINT, also where the shell started the tests in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def small_cellpose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package of Cellpose build a small stand-in; skips where the package is missing."""
    pytest.importorskip("cellpose", reason='needs pip install "hpa-cells[cellpose]"')
    from segment_anything import sam_model_registry

    from tests.small_cellpose import small_encoder  # knows torch, which many tests do without

    monkeypatch.setitem(sam_model_registry, "vit_l", small_encoder)
