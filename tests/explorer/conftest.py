"""A small collection of cells in memory, and an explorer that serves it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.corrections.journal import open_journal
from hpa.explorer.collection import Collection
from hpa.results.found_cells import CellTable

pytest.importorskip("starlette", reason='needs pip install "hpa-cells[explore]"')
uvicorn = pytest.importorskip("uvicorn", reason='needs pip install "hpa-cells[explore]"')

HOSTILE = '<img src=x onerror="document.title=1">'
IMAGES = ("a", f"b{HOSTILE}", "c")
CELLS = 6
"""In each image."""
TOKEN = "a-token"  # of a test


class DrawnCells:
    """Three images of six square cells each, in a row; cells of equal number look alike to the network."""

    class_names = ("Nucleoli", HOSTILE, "Cytosol")
    feature_count = 8

    def table(self):
        count = len(IMAGES) * CELLS
        confidences = np.random.default_rng(0).uniform(0, 1, (count, 3)).astype(np.float32)
        targets = np.zeros((count, 3), np.float32)
        targets[:, 0] = 1
        image = np.repeat(np.arange(len(IMAGES), dtype=np.int32), CELLS)
        number = np.tile(np.arange(1, CELLS + 1, dtype=np.int32), len(IMAGES))
        area = (100.0 + np.arange(count)).astype(np.float32)
        return CellTable(IMAGES, image, number, confidences, targets, True, {"area_px": area})

    def features(self):
        vectors = np.random.default_rng(1).normal(size=(CELLS, 8)).astype(np.float32)
        for _ in IMAGES:
            yield vectors

    def read(self, image_id):
        pixels = np.random.default_rng(len(image_id)).integers(0, 255, (2, 40, 120)).astype(np.uint8)
        return Field(image_id, pixels, ("green", "blue"), 0.5)

    def masks(self, image_id):
        for number in range(1, CELLS + 1):
            yield self.label_map(image_id) == number

    def label_map(self, image_id):
        cells = np.zeros((40, 120), np.int32)
        for cell in range(CELLS):
            cells[10:30, 2 + 20 * cell : 18 + 20 * cell] = cell + 1
        return cells


class DrawnLooks:
    """A network that has maps of classes 0 and 2."""

    def picture(self, row, class_index):
        if class_index == 1:
            raise InputError("this network has no map of it.")
        return np.full((8, 8, 3), row, np.uint8)


@dataclass(frozen=True)
class Served:
    """A running explorer."""

    collection: Collection
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={TOKEN}"


@contextlib.contextmanager
def serving(collection: Collection) -> Iterator[Served]:
    from hpa.explorer.server import explorer

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    application = explorer(collection, f"cells{HOSTILE}", "hpa explore cells", port, TOKEN, DrawnLooks())
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield Served(collection, port)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def explored(tmp_path):
    """An explorer that writes to corrections.csv."""
    found = DrawnCells()
    categories = {"cell line": ["HeLa", "U2OS", "U2OS"]}
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(open_journal(tmp_path / "corrections.csv", "me"))
        yield stack.enter_context(serving(Collection(found, found.table(), categories, journal)))


@pytest.fixture
def read_only():
    """An explorer that writes nothing."""
    found = DrawnCells()
    with serving(Collection(found, found.table(), {}, None)) as served:
        yield served
