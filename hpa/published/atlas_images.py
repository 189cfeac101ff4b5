"""Public images of the Human Protein Atlas, brought into the layout of the competition, one after the other.

A channel is fetched as `<address>_<channel>.jpg`, or as `.tif.gz` where there is none, decoded whole, scaled down and
kept as grey PNG. What was fetched stands in `fetched.csv` with the SHA-256 of the original (the Atlas publishes none),
so that a repeated command goes on, and anybody can see whether an image was replaced since.
"""

from __future__ import annotations

import gzip
import io
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import tifffile
from jaxtyping import UInt8
from PIL import Image

from hpa.core.errors import InputError, Problem
from hpa.core.file_lock import held
from hpa.core.whole_file import whole_file
from hpa.published.atlas_record import CHANNELS, FetchRecord
from hpa.published.transfer import MissingFileError, download

FIELD_PX = 2048
"""Side of most images of the Atlas."""
_SUFFIXES = (".jpg", ".tif.gz")
_BYTES_A_PX, _MORE_BYTES_WHERE_SMALL = 0.35, 0.5
"""A channel as PNG: 150 GB for the 21,806 images of the competition; scaled down, neighbours differ more."""
_MAX_BYTES = 1 << 28
_MAX_FAILURES_IN_A_ROW = 5
Plane = UInt8[np.ndarray, "height width"]


@dataclass
class Fetched:
    """What came of a command: images that are here, were here before, and could not be had."""

    new: int = 0
    before: int = 0
    failed: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class AtlasFetcher:
    """Fetches images into a folder.

    Attributes:
        out: The folder.
        side_px: Longer side that images are scaled down to; smaller ones stay as they are.
        requests_a_second: At most.
        wait: Called with seconds.
    """

    out: Path
    side_px: int
    requests_a_second: float
    wait: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.side_px < 1 or not 0 < self.requests_a_second <= 50:
            raise InputError(
                f"--size {self.side_px} --rate {self.requests_a_second}: a size in px of at least 1 and up to 50 "
                "requests a second are expected."
            )

    @property
    def record(self) -> FetchRecord:
        """What is here."""
        return FetchRecord(self.out)

    def bytes_needed(self, images: int) -> int:
        """Estimate the size of the images in the folder."""
        side = min(self.side_px, FIELD_PX)
        bytes_a_px = _BYTES_A_PX + _MORE_BYTES_WHERE_SMALL * (1 - side / FIELD_PX)
        return round(images * len(CHANNELS) * side**2 * bytes_a_px)

    def seconds_needed(self, images: int) -> float:
        """Estimate how long it takes at least."""
        return images * len(CHANNELS) / self.requests_a_second

    def require_room(self, images: int) -> None:
        """Make sure that the disk holds so many more images.

        Raises:
            InputError: If it does not.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        needed, free = self.bytes_needed(images), shutil.disk_usage(self.out).free
        if needed > free:
            raise InputError(
                f"{self.out}: {images} images need about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; choose a "
                "smaller --size or --limit, or another disk."
            )

    def missing(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows whose images are not here."""
        done = self.record.done()
        return frame[~frame["image_id"].isin(done)]

    def fetch(self, frame: pd.DataFrame, on_image: Callable[[int, int], None]) -> Fetched:
        """Fetch images, and list all that are here in train.csv and metadata.csv, also after Ctrl-C.

        Args:
            frame: Rows of a `Selection`.
            on_image: Is called with how many images are done, and of how many.

        Raises:
            InputError: If several images in a row cannot be had, or nothing can be written.
        """
        with held(self.out / ".lock", "fetches images to this folder", "wait until it is done."):
            left = self.missing(frame)
            self.require_room(len(left))
            result = Fetched(before=len(frame) - len(left))
            try:
                self._fetch_each(left, result, on_image)
            finally:
                self.record.write_tables(frame)
        return result

    def _fetch_each(self, left: pd.DataFrame, result: Fetched, on_image: Callable[[int, int], None]) -> None:
        in_a_row = 0
        for number, (image_id, address) in enumerate(zip(left["image_id"], left["address"], strict=True), start=1):
            try:
                self._fetch_image(str(image_id), str(address))
                result.new += 1
                in_a_row = 0
            except InputError as error:
                result.failed.append(Problem(str(image_id), str(error)))
                in_a_row += 1
                if in_a_row == _MAX_FAILURES_IN_A_ROW or (in_a_row == number == len(left)):
                    raise InputError(
                        f"{in_a_row} images in a row could not be had, the last one because: {error}"
                    ) from error
            on_image(number, len(left))

    def _fetch_image(self, image_id: str, address: str) -> None:
        planes, rows = {}, []
        for channel in CHANNELS:
            planes[channel], row = self._fetch_channel(image_id, channel, _https(address))
            rows.append(row)
        if len({plane.shape for plane in planes.values()}) > 1:
            raise InputError(f"{address}: its channels differ in size.")
        for channel, plane in planes.items():
            is_encoded, png = cv2.imencode(".png", plane)
            if not is_encoded:
                raise InputError(f"{address}_{channel}: {plane.shape} px cannot be a PNG.")
            with whole_file(self.out / "train" / f"{image_id}_{channel}.png", png.nbytes) as file:
                file.write(png.tobytes())
        self.record.add(rows)

    def _fetch_channel(self, image_id: str, channel: str, address: str) -> tuple[Plane, tuple[object, ...]]:
        """Return a plane as it is kept, and its row of the record."""
        for suffix in _SUFFIXES:
            place = self.out / ".arriving" / f"{image_id}_{channel}{suffix}"
            self.wait(1 / self.requests_a_second)
            try:
                digest = download(f"{address}_{channel}{suffix}", place, wait=self.wait)
                plane = _decoded(place, channel)
                return _scaled(plane, self.side_px), (
                    image_id,
                    channel,
                    f"{address}_{channel}{suffix}",
                    place.stat().st_size,
                    digest,
                )
            except MissingFileError:
                continue
            finally:
                place.unlink(missing_ok=True)
        raise InputError(f"{address}_{channel}: there is neither {' nor '.join(_SUFFIXES)}.")


def _https(address: str) -> str:
    """Return the address by https, unless it is of this machine."""
    is_local = address.startswith(("http://127.0.0.1", "http://localhost"))
    return address if is_local else "https://" + address.partition("://")[2]


def _decoded(path: Path, channel: str) -> Plane:
    """Return the plane of a channel, which is stored in its colour.

    Raises:
        InputError: If the file is damaged.
    """
    try:
        if path.name.endswith(".gz"):
            with gzip.open(path) as file:
                content = file.read(_MAX_BYTES + 1)
            if len(content) > _MAX_BYTES:
                raise InputError(f"{path.name}: unpacks to more than {_MAX_BYTES >> 20} MB.")
            pixels = np.asarray(tifffile.imread(io.BytesIO(content)))
        else:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB") if image.mode not in ("L", "RGB") else image)
    except InputError:
        raise
    except Exception as error:  # decoders raise anything at damaged files
        raise InputError(f"{path.name}: is damaged ({type(error).__name__}: {error}).") from error
    plane = pixels.max(axis=2) if pixels.ndim == 3 else pixels
    if plane.ndim != 2 or plane.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path.name}: {plane.dtype} of {plane.shape} is no image of the channel {channel}.")
    return (plane // 257).astype(np.uint8) if plane.dtype == np.uint16 else plane


def _scaled(plane: Plane, side_px: int) -> UInt8[np.ndarray, "new_height new_width"]:
    longer = max(plane.shape)
    if longer <= side_px:
        return plane
    height, width = (max(1, round(side * side_px / longer)) for side in plane.shape)
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
