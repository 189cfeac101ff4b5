"""Moving pictures towards a reference: all the way is stain normalisation, part of the way augmentation.

The winner of "Hacking the Human Body" (2022) trained on stain-transferred copies of all images, the second took one of
three references for 15 % of them, the third matched the histogram of every image, the fourth normalised training and
test images to one test image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.formats.folder_images import FolderImages
from hpa.pixels.stain.profile import StainProfile
from hpa.pixels.stain.separation import StainSeparation

Picture = Float32[np.ndarray, "_height _width 3"]
"""One of several pictures, each of a size of its own: red, green and blue light in [0, 1]."""
_COLOURS = ("red", "green", "blue")


class TowardsReference:
    """Moves a picture a random part of the way towards a random reference.

    Args:
        matching: Returns a picture in the colours of a reference: `StainMatching`, `ReinhardMatching`,
            `HistogramMatching`.
        references: What it matches to: stain profiles for the first, pictures for the others.
        min_share: Share of the way towards the match, 0 (unchanged) to 1 (matched); sampled uniformly from here …
        max_share: … to here.

    Raises:
        InputError: If there is no reference, or the shares are no range within 0 and 1.
    """

    def __init__(
        self,
        matching: Callable[[Picture, Any], Picture],
        references: Sequence[Any],
        min_share: float,
        max_share: float,
    ) -> None:
        if not references or not 0 <= min_share <= max_share <= 1:
            raise InputError(
                "a reference and 0 <= min_share <= max_share <= 1 are expected; came "
                f"{len(references)} references, {min_share} and {max_share}."
            )
        self.matching = matching
        self.references = references
        self.shares = (min_share, max_share)

    def __call__(self, picture: Picture, draw: np.random.Generator) -> Picture:
        """Return the changed picture (red, green, blue in [0, 1])."""
        reference = self.references[int(draw.integers(len(self.references)))]
        share = np.float32(draw.uniform(*self.shares))
        return np.clip(picture + share * (self.matching(picture, reference) - picture), 0, 1)


class ReferencePictures(Sequence[Picture]):
    """Pictures of a folder, resized, in memory; the references of `HistogramMatching` and `ReinhardMatching`.

    Args:
        folder: PNG or TIFF files in colour, 8 or 16 bit.
        side_px: Longer side that they are reduced to; colours need no detail.
        max_pictures: How many are kept, spread evenly over the folder in the order of their names.

    Raises:
        InputError: If there is no such folder, or a picture cannot be read.
    """

    def __init__(self, folder: str | Path, side_px: int, max_pictures: int) -> None:
        if side_px < 1 or max_pictures < 1:
            raise InputError(
                f"reference pictures need side_px >= 1 and max_pictures >= 1; came {side_px} and {max_pictures}."
            )
        files = FolderImages(as_path(folder), _COLOURS, _COLOURS, pixel_um=None)
        step = -(-len(files.image_ids) // max_pictures)  # rounded up
        self._pictures = [_reduced(files, image_id, side_px) for image_id in files.image_ids[::step]]

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._pictures)

    @overload
    def __getitem__(self, index: int) -> Picture: ...

    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...

    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        """Return a picture, in the order of their names."""
        return self._pictures[index]


class MeasuredProfiles(Sequence[StainProfile]):
    """Stain profiles measured on reference pictures; pictures without two separable stains are left out.

    Args:
        separation: How stains are found.
        pictures: The references.

    Raises:
        InputError: If no picture has two separable stains.
    """

    def __init__(self, separation: StainSeparation, pictures: Sequence[Picture]) -> None:
        profiles = [separation.profile(picture) for picture in pictures]
        self._profiles = [profile for profile in profiles if profile is not None]
        if not self._profiles:
            raise InputError(
                f"a reference picture with two stains was expected, none of {len(profiles)} has them; choose pictures "
                "with tissue, as large as a field of view."
            )

    def __len__(self) -> int:
        """Count the profiles."""
        return len(self._profiles)

    @overload
    def __getitem__(self, index: int) -> StainProfile: ...

    @overload
    def __getitem__(self, index: slice) -> list[StainProfile]: ...

    def __getitem__(self, index: int | slice) -> StainProfile | list[StainProfile]:
        """Return a profile, in the order of the pictures."""
        return self._profiles[index]


def _reduced(files: FolderImages, image_id: str, side_px: int) -> Picture:
    field = files.read(image_id)
    pixels = np.stack([field.plane(colour) for colour in _COLOURS], axis=2)
    picture = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    factor = min(1.0, side_px / max(picture.shape[:2]))
    height, width = (max(1, round(factor * length)) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
