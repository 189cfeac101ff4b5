"""Images as a dense network reads them, made once: planes, label map and target of each, memory-mapped at random.

Named by what made them: the image's file, its instances, scaling, target. Cropping a tile reads its rows only; the
files of an image are verified when a process opens them for the first time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32, Int32, Int64, UInt8

from hpa.core.artifacts import ArtifactCache, make_all
from hpa.core.digest import digest_of_array, digest_of_values
from hpa.core.errors import DataError
from hpa.core.image_table import ImageTable
from hpa.core.label_map import labels_of, relabel
from hpa.core.planes import PlaneSpec, resized, resized_label_map
from hpa.core.sealed_file import write_array
from hpa.interfaces import ImageSource, Instances, PixelTarget, Split
from hpa.sources.reading import read_identified

log = logging.getLogger(__name__)

_KIND = "pixels"
_FORMAT_VERSION = 2
STEPS = 255
_PARTS: tuple[str, ...] = ("planes", "label_map", "classes", "targets")


@dataclass(frozen=True)
class StoredPlanes:
    """One image at the network's scale; arrays are read where they are touched.

    Attributes:
        planes: Intensities in [0, 1].
        label_map: Its instances.
        classes: Their classes.
        targets: Targets of a dense network.
        soft_targets: Probability that each pixel is inside, predicted by earlier runs, in steps of 1/`STEPS`; None
            without predictions.
    """

    planes: Float16[np.ndarray, "channel height width"]
    label_map: Int32[np.ndarray, "height width"]
    classes: Int64[np.ndarray, " instance"]
    targets: Float16[np.ndarray, "plane height width"]
    soft_targets: UInt8[np.ndarray, "height width"] | None = None


class PixelStore:
    """Prepared images in a cache that is shared by runs that want the same.

    Args:
        cache: Where they lie.
        spec: How planes are scaled.
        channels: Planes, in order.
        target: Defines the targets of a dense network.
        target_settings: The target's config: part of the keys.
    """

    def __init__(
        self,
        cache: ArtifactCache,
        spec: PlaneSpec,
        channels: Sequence[str],
        target: PixelTarget,
        target_settings: dict[str, Any],
    ) -> None:
        self.cache = cache
        self.spec = spec
        self.channels = tuple(channels)
        self.target = target
        self._settings = {
            "version": _FORMAT_VERSION,
            "spec": asdict(spec),
            "channels": list(channels),
            "target": target_settings,
        }
        self._keys: dict[str, str] = {}
        self._soft_targets: dict[str, Path] = {}
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
            WriteError: At once, if the disk is full (with the bytes needed) or the cache cannot be written to.
        """
        self.cache.sweep(_KIND)
        log.info("preparing %d images, kept in %s", len(table), self.cache.folder)
        jobs = {image_id: partial(self._make, source, image_id, split, instances_of) for image_id in table.image_ids}
        keys, problems = make_all(jobs, workers, on_progress)
        self._keys |= keys
        if problems:
            raise DataError(table.where, problems)

    def read(self, image_id: str) -> StoredPlanes:
        """Open a prepared image.

        Raises:
            DamagedFileError: If a file went away, or was cut short or changed after it had been written.
        """
        soft = self._soft_targets.get(image_id)
        return StoredPlanes(
            **{part: self.cache.map_array(self._path(self._keys[image_id], part)) for part in _PARTS},
            soft_targets=None if soft is None else self.cache.map_array(soft),
        )

    def add_soft_targets(self, image_id: str, probabilities: Float32[np.ndarray, "height width"]) -> None:
        """Store beside an image the probability that each pixel is inside, of any size, as soft targets."""
        key = self._keys[image_id]
        label_map = self.cache.map_array(self._path(key, "label_map"))
        steps = np.rint(resized(probabilities[None], *label_map.shape)[0] * STEPS).astype(np.uint8)
        path = self._path(key, f"soft_targets_{digest_of_array(steps)}")
        if not path.is_file():
            write_array(path, steps)
        self._soft_targets[image_id] = path

    def content(self, image_id: str) -> str:
        """Return a digest of an image's planes: equal for equal pictures, whatever their name."""
        return digest_of_array(self.cache.map_array(self._path(self._keys[image_id], "planes")))

    def _make(self, source: ImageSource, image_id: str, split: Split, instances_of: Callable[[str], Instances]) -> str:
        identity = source.identity(image_id, split)
        instances = instances_of(image_id)
        key = self._key(identity, instances)
        paths = [self._path(key, part) for part in _PARTS]
        if all(path.is_file() for path in paths):
            return key
        field = read_identified(source, image_id, split, identity)
        planes = self.spec.prepare(field, self.channels)
        label_map = resized_label_map(np.asarray(instances.label_map, np.int32), *planes.shape[1:])
        scaled = _present(Instances(label_map, instances.classes))
        with self._target_lock:
            targets = self.target.planes(scaled)
        arrays = (planes.astype(np.float16), scaled.label_map, scaled.classes, targets.astype(np.float16))
        for path, array in zip(paths, arrays, strict=True):
            write_array(path, array)
        return key

    def _key(self, identity: str, instances: Instances) -> str:
        digests = [digest_of_array(np.asarray(array)) for array in (instances.label_map, instances.classes)]
        return digest_of_values({"settings": self._settings, "image": identity, "instances": digests})

    def _path(self, key: str, part: str) -> Path:
        return self.cache.path(_KIND, key, f".{part}.npy")


def _present(instances: Instances) -> Instances:
    """Return the instances that still have a pixel, numbered 1..n again."""
    label_map = np.asarray(instances.label_map, np.int32)
    return Instances(relabel(label_map), np.asarray(instances.classes, np.int64)[labels_of(label_map) - 1])
