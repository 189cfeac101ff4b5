"""Images as a dense network reads them, made once: planes, label map and target of each, memory-mapped at random.

Named by a hash of all that made them (the image's file, its instances, scaling, target), so a changed setting makes new
files and an unchanged one finds the old. Cutting a tile reads its rows only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32, Int32, Int64, Shaped, UInt8

from hpa.core.digest import digest_of_array, digest_of_values
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.image_table import ImageTable
from hpa.core.label_map import labels_of, relabel
from hpa.core.planes import PlaneSpec, resized, resized_label_map
from hpa.core.whole_file import whole_file
from hpa.interfaces import ImageSource, Instances, PixelTarget, Split

_FORMAT_VERSION = 1
STEPS = 255
_PARTS: tuple[str, ...] = ("planes", "label_map", "classes", "targets")


@dataclass(frozen=True)
class StoredPlanes:
    """One image at the network's scale; arrays are read where they are touched.

    Attributes:
        planes: Intensities in [0, 1].
        label_map: Its instances.
        classes: Their classes.
        targets: What a dense network should say.
        taught: What earlier runs said of every pixel, in steps of 1/`STEPS`; None where they said nothing.
    """

    planes: Float16[np.ndarray, "channel height width"]
    label_map: Int32[np.ndarray, "height width"]
    classes: Int64[np.ndarray, " instance"]
    targets: Float16[np.ndarray, "plane height width"]
    taught: UInt8[np.ndarray, "height width"] | None = None


class PixelStore:
    """A folder of prepared images, shared by runs that want the same.

    Args:
        folder: Where they lie.
        spec: How planes are scaled.
        channels: Planes, in order.
        target: What a dense network should say.
        target_settings: The target's config: part of the names.
    """

    def __init__(
        self,
        folder: Path,
        spec: PlaneSpec,
        channels: Sequence[str],
        target: PixelTarget,
        target_settings: dict[str, Any],
    ) -> None:
        self.folder = folder
        self.spec = spec
        self.channels = tuple(channels)
        self.target = target
        self._settings = {
            "version": _FORMAT_VERSION,
            "spec": asdict(spec),
            "channels": list(channels),
            "target": target_settings,
        }
        self._names: dict[str, Path] = {}
        self._taught: dict[str, Path] = {}
        self._target_lock = threading.Lock()  # compiled and torch targets are not all safe in threads

    def prepare(
        self,
        source: ImageSource,
        table: ImageTable,
        split: Split,
        instances_of: Callable[[str], Instances],
        workers: int,
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Make what is missing for the images of a table.

        Raises:
            DataError: Naming every image that could not be prepared.
        """
        problems: list[Problem] = []
        with ThreadPoolExecutor(workers) as pool:
            jobs = {
                pool.submit(self._make, source, image_id, split, instances_of): image_id for image_id in table.image_ids
            }
            for done, job in enumerate(as_completed(jobs), start=1):
                try:
                    self._names[jobs[job]] = job.result()
                except InputError as error:
                    problems.append(Problem(jobs[job], str(error)))
                on_progress(done, len(jobs))
        if problems:
            raise DataError(table.where, problems)

    def read(self, image_id: str) -> StoredPlanes:
        """Open a prepared image."""
        name = self._names[image_id]
        taught = self._taught.get(image_id)
        return StoredPlanes(
            **{part: np.load(_file(name, part), mmap_mode="r") for part in _PARTS},
            taught=None if taught is None else np.load(taught, mmap_mode="r"),
        )

    def teach(self, image_id: str, said: Float32[np.ndarray, "height width"]) -> None:
        """Keep beside an image what earlier runs said of it, at the size of its planes."""
        name = self._names[image_id]
        label_map = np.load(_file(name, "label_map"), mmap_mode="r")
        steps = np.rint(resized(said[None], *label_map.shape)[0] * STEPS).astype(np.uint8)
        digest = digest_of_array(steps)
        path = _file(name, f"taught_{digest}")
        if not path.is_file():
            _write(path, steps)
        self._taught[image_id] = path

    def content(self, image_id: str) -> str:
        """Return a digest of an image's planes: equal for equal pictures, whatever their name."""
        planes = np.load(_file(self._names[image_id], "planes"), mmap_mode="r")
        return digest_of_array(planes)

    def _make(self, source: ImageSource, image_id: str, split: Split, instances_of: Callable[[str], Instances]) -> Path:
        instances = instances_of(image_id)
        name = self._name(source.identity(image_id, split), instances)
        if all(_file(name, part).is_file() for part in _PARTS):
            return name
        field = source.read(image_id, split)
        planes = self.spec.prepare(field, self.channels)
        label_map = resized_label_map(np.asarray(instances.label_map, np.int32), *planes.shape[1:])
        scaled = _present(Instances(label_map, instances.classes))
        with self._target_lock:
            targets = self.target.planes(scaled)
        name.parent.mkdir(parents=True, exist_ok=True)
        arrays = (planes.astype(np.float16), scaled.label_map, scaled.classes, targets.astype(np.float16))
        for part, array in zip(_PARTS, arrays, strict=True):
            _write(_file(name, part), array)
        return name

    def _name(self, identity: str, instances: Instances) -> Path:
        instance_digests = [digest_of_array(instances.label_map), digest_of_array(instances.classes)]
        key = digest_of_values({"settings": self._settings, "image": identity, "instances": instance_digests})
        return self.folder / key[:2] / key


def _present(instances: Instances) -> Instances:
    """Return the instances that still have a pixel, numbered 1..n again."""
    label_map = np.asarray(instances.label_map, np.int32)
    return Instances(relabel(label_map), np.asarray(instances.classes, np.int64)[labels_of(label_map) - 1])


def _file(name: Path, part: str) -> Path:
    return name.with_name(f"{name.name}_{part}.npy")


def _write(path: Path, array: Shaped[np.ndarray, "*axes"]) -> None:
    with whole_file(path, array.nbytes) as file:
        np.save(file, array)
