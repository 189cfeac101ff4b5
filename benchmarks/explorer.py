"""The explorer with very many cells: how long until pictures stand there, frames while panning, memory.

`python -m benchmarks.explorer FOLDER` makes a result of 500,000 cells in FOLDER (kept for the next time), serves it by
`hpa explore`, and drives the page in Chromium, which draws without a graphics card where there is none. A few fields
are drawn, and every image is a hard link to one of these; measurements are those of their cells. Confidences and
features are drawn at random around one point for each class, as many as a ResNet-18 has.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hpa.core.channels import CHANNELS
from hpa.core.classes import LOCATION_NAMES
from hpa.core.field import Segmentation
from hpa.core.whole_file import whole_folder
from hpa.formats.label_maps import read_label_map
from hpa.inference.exports.cell_places import places_of
from hpa.inference.exports.cell_rows import CellRows, schema_of, table_of
from hpa.measurements.cells import CellMeasures
from hpa.simulation.competition import write_competition
from hpa.sources.kaggle_hpa import KaggleHpa
from tests.browser import Browser, Tab, opened

FIELDS, SIDE_PX, FEATURES, SECONDS = 16, 512, 512, 5
IMAGES_A_PIECE = 500
HPA = (sys.executable, "-c", "import sys; from hpa.cli import main; sys.exit(main())")
MAPPED = "document.body.dataset.mapped === 'yes'"
PICTURED = "[...document.querySelectorAll('#thumbs img')].some((image) => image.naturalWidth > 0)"
PAN = f"""new Promise((done) => {{
  const times = [], map = document.getElementById("map"), box = map.getBoundingClientRect();
  const send = (kind, x) => map.dispatchEvent(new PointerEvent(kind, {{ clientX: box.left + x, clientY: box.top + 90,
    movementX: 2, pointerId: 1, buttons: 1, bubbles: true }}));
  map.setPointerCapture = () => {{}};
  send("pointerdown", 9);
  const frame = (now) => {{
    times.push(now);
    send("pointermove", 9 + 2 * times.length);
    if (now - times[0] < {1000 * SECONDS}) requestAnimationFrame(frame); else {{ send("pointerup", 0); done(times); }}
  }};
  requestAnimationFrame(frame);
}})"""
"""Drags the map by 2 px a frame: the times of the frames that the browser showed meanwhile."""


@dataclass(frozen=True)
class Drawn:
    """A field that stands for many images, and what is measured of its cells."""

    image_id: str
    places: dict[str, pa.Array]
    measured: dict[str, np.ndarray]

    @property
    def cells(self) -> int:
        """Count the cells."""
        return len(next(iter(self.measured.values())))


def make(folder: Path, cells: int) -> None:
    """Write images, labels, outlines and the table of cells."""
    with whole_folder(folder) as part:
        write_competition(part / "drawn", images=FIELDS + 1, side_px=SIDE_PX, seed=1, test_images=1)
        drawn = _drawn(part / "drawn")
        count = FIELDS * math.ceil(cells / sum(one.cells for one in drawn))
        names = [f"image_{place:06d}" for place in range(count)]
        _link(part, names, [one.image_id for one in drawn])
        _write_table(part / "predicted.cells.parquet", names, drawn)


def _drawn(folder: Path) -> list[Drawn]:
    source, measures = KaggleHpa(folder, CHANNELS, None, None, None), CellMeasures(16, 2)
    found = []
    for image_id in source.table("train").image_ids:
        path = folder / "label_maps" / "train" / f"{image_id}.png"
        field, cells = source.read(image_id, "train"), read_label_map(path)
        found.append(Drawn(image_id, places_of(field, cells), measures.measure(field, Segmentation(cells))))
    return found


def _link(folder: Path, names: Sequence[str], drawn: Sequence[str]) -> None:
    """Give every image the files of one that was drawn."""
    images, maps = folder / "data" / "train", folder / "predicted.label_maps" / "cells"
    for made in (images, maps):
        made.mkdir(parents=True)
    labels = dict(line.split(",") for line in (folder / "drawn" / "train.csv").read_text().splitlines())
    for place, name in enumerate(names):
        origin = drawn[place % FIELDS]
        for channel in CHANNELS:
            os.link(folder / "drawn" / "train" / f"{origin}_{channel}.png", images / f"{name}_{channel}.png")
        os.link(folder / "drawn" / "label_maps" / "train" / f"{origin}.png", maps / f"{name}.png")
    lines = [f"{name},{labels[drawn[place % FIELDS]]}" for place, name in enumerate(names)]
    (folder / "data" / "train.csv").write_text("\n".join(["ID,Label", *lines]) + "\n")


def _write_table(path: Path, names: Sequence[str], drawn: Sequence[Drawn]) -> None:
    """Write the cells of all images, some hundred images at a time."""
    random, classes = np.random.default_rng(0), len(LOCATION_NAMES)
    centres = random.normal(size=(classes, FEATURES)).astype(np.float32)
    schema = schema_of(LOCATION_NAMES, FEATURES, list(drawn[0].measured))
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(names), IMAGES_A_PIECE):
            rows = []
            for place in range(start, min(start + IMAGES_A_PIECE, len(names))):
                one = drawn[place % FIELDS]
                shown = random.integers(classes, size=one.cells)
                features = centres[shown] + random.normal(size=(one.cells, FEATURES)).astype(np.float32)
                known = random.beta(1, 9, size=(one.cells, classes)).astype(np.float32)
                known[np.arange(one.cells), shown] = random.beta(5, 2, size=one.cells)
                places = {**one.places, "image": pa.array([names[place]] * one.cells)}
                rows.append(CellRows(places, one.measured, known, known, features))
            writer.write_table(table_of(rows, schema))


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Start `hpa explore` and yield its address, its process, and the seconds until it printed the address."""
    words = ("explore", str(folder / "predicted.cells.parquet"), f"data.root={folder / 'data'}", "data=kaggle_hpa")
    start = time.perf_counter()
    process = subprocess.Popen((*HPA, *words, "--read-only"), stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout or ():
            if found := re.search(r"open +(http://\S+)", line):
                yield found[1], process.pid, time.perf_counter() - start
                break
    finally:
        process.terminate()
        process.wait()


def look(tab: Tab, start: float) -> None:
    """Wait for pictures and map, pan, choose, filter, and print how long each takes."""
    tab.wait(PICTURED)
    print(f"first picture   {time.perf_counter() - start:.1f} s after the command", flush=True)
    tab.wait(MAPPED)
    print(f"map             {time.perf_counter() - start:.1f} s after the command", flush=True)
    times = np.array(tab.read(PAN))
    frames = np.diff(times)
    worst = np.percentile(frames, 95)
    rate, points = len(frames) / (times[-1] - times[0]) * 1000, tab.read("Math.min(drawn, facts.cells)")
    print(
        f"panning         {rate:.0f} frames a second, 95 % of them within {worst:.0f} ms, {points:,.0f} points a frame"
    )
    _timed("a cell", lambda: _choose(tab))
    _timed("a filter", lambda: tab.choose("#predicted", "3"))
    _timed("an order", lambda: tab.choose("#order", "errors"))


def _choose(tab: Tab) -> None:
    tab.read("document.querySelector('#thumbs button').click()")
    tab.wait("!document.querySelector('#detail').hidden && shownField !== null")


def _timed(what: str, act: Callable[[], None]) -> None:
    start = time.perf_counter()
    act()
    print(f"{what:15s} {time.perf_counter() - start:.2f} s", flush=True)


def memory_gb(process: int) -> float:
    """Return the memory of a process and all that it started, what they share counted once."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return own / 1e6 + sum(memory_gb(int(child)) for child in children)


def peak_gb(process: int) -> float:
    """Return the most memory that a process held."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1e6


def main(argv: Sequence[str] | None = None) -> None:
    """Make what is missing, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int, default=500_000)
    arguments = parser.parse_args(argv)
    if not arguments.folder.is_dir():
        make(arguments.folder, arguments.cells)
    with tempfile.TemporaryDirectory() as scratch:
        browser = Browser(Path(scratch))
        start = time.perf_counter()
        with served(arguments.folder) as (address, process, seconds):
            print(f"address         {seconds:.1f} s after the command", flush=True)
            with opened(browser, address) as tab:
                look(tab, start)
                print(
                    f"memory          server {memory_gb(process):.2f} GB (at most {peak_gb(process):.2f})", flush=True
                )
                print(f"                Chromium {memory_gb(browser.process):.2f} GB", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
