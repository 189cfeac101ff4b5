"""From the light of a specimen to the grey values on disk: illumination, blur, photon and read noise, 8 bit."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from hpa.simulation.texture import smooth_noise

PSF_UM = 0.12  # standard deviation of the in-focus spot of a 63x confocal objective


@dataclass(frozen=True)
class Camera:
    """Settings of one exposure; drawn once an image by `Camera.sample`.

    Attributes:
        defocus_um: Standard deviation of the blur of a field out of focus.
        vignette: Loss of light in the corners, as a share.
        bright_spot: Where the light is strongest, as shares of height and width.
        photons: Photons a pixel collects at full scale, per channel: fewer are noisier.
        read_noise: Standard deviation of the noise in the dark, in full scales.
        offset: Dark level left after background subtraction, in full scales; below 0 it cuts the faintest haze.
    """

    defocus_um: float
    vignette: float
    bright_spot: tuple[float, float]
    photons: tuple[float, ...]
    read_noise: float
    offset: float

    @classmethod
    def sample(cls, rng: np.random.Generator, channels: int) -> Camera:
        """Draw the settings of one image; one image in six is visibly out of focus."""
        blurred = rng.random() < 1 / 6
        return cls(
            defocus_um=float(rng.uniform(0.3, 0.7) if blurred else rng.uniform(0, 0.15)),
            vignette=float(rng.uniform(0.05, 0.4)),
            bright_spot=(float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7))),
            photons=tuple(float(count) for count in np.exp(rng.uniform(np.log(60), np.log(500), channels))),
            read_noise=float(rng.uniform(0.006, 0.022)),
            offset=float(rng.uniform(-0.015, 0.01)),
        )

    def expose(
        self, rng: np.random.Generator, light: Float32[np.ndarray, "channel height width"], pixel_um: float
    ) -> UInt8[np.ndarray, "channel height width"]:
        """Return the recorded planes of a specimen whose full scale is 1."""
        sigma_px = float(np.hypot(PSF_UM, self.defocus_um)) / pixel_um
        illumination = self._illumination(rng, light.shape[1], light.shape[2])
        planes = np.empty(light.shape, np.uint8)
        for plane, stain, photons in zip(planes, light, self.photons, strict=True):
            image = cv2.GaussianBlur(stain, (0, 0), max(sigma_px, 0.25)) * illumination
            # Poisson noise is close to normal at these counts, and ten times cheaper to draw so
            spread = cv2.sqrt(np.maximum(image, 0) / np.float32(photons) + np.float32(self.read_noise**2))
            image += spread * rng.standard_normal(image.shape, dtype=np.float32)
            plane[:] = np.clip((image + np.float32(self.offset)) * 255, 0, 255)
        return planes

    def _illumination(self, rng: np.random.Generator, height: int, width: int) -> Float32[np.ndarray, "height width"]:
        """Return the relative light: falling off from the bright spot, with a faint unevenness of the specimen."""
        rows = (np.arange(height, dtype=np.float32) / height - np.float32(self.bright_spot[0])) ** 2
        columns = (np.arange(width, dtype=np.float32) / width - np.float32(self.bright_spot[1])) ** 2
        falloff = 1 - np.float32(self.vignette) * (rows[:, None] + columns[None, :]) / 0.5
        return np.maximum(falloff, 0.2) * (1 + 0.05 * smooth_noise(rng, height, width, width / 3))
