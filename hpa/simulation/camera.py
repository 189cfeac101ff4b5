"""From the light of a specimen to the grey values on disk: illumination, blur, photon and read noise, 8 bit."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from hpa.simulation.texture import smooth_noise

PSF_UM = 0.12  # standard deviation of the in-focus spot of a 63x confocal objective


@dataclass(frozen=True)
class Optics:
    """Ranges that the settings of exposures are drawn from; those not named here as in `Camera`.

    Attributes:
        psf_um: Standard deviation of the in-focus spot.
        blurred_share: Share of the fields visibly out of focus.
        blurred_um: Their defocus.
        sharp_um: That of the others.
    """

    psf_um: float = PSF_UM
    blurred_share: float = 1 / 6
    blurred_um: tuple[float, float] = (0.3, 0.7)
    sharp_um: tuple[float, float] = (0.0, 0.15)
    vignette: tuple[float, float] = (0.05, 0.4)
    photons: tuple[float, float] = (60.0, 500.0)
    read_noise: tuple[float, float] = (0.006, 0.022)
    offset: tuple[float, float] = (-0.015, 0.01)


CONFOCAL = Optics()


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
        psf_um: Standard deviation of the in-focus spot.
    """

    defocus_um: float
    vignette: float
    bright_spot: tuple[float, float]
    photons: tuple[float, ...]
    read_noise: float
    offset: float
    psf_um: float = PSF_UM

    @classmethod
    def sample(cls, rng: np.random.Generator, channels: int, optics: Optics = CONFOCAL) -> Camera:
        """Draw the settings of one image."""
        blurred = rng.random() < optics.blurred_share
        fewest, most = (float(np.log(count)) for count in optics.photons)
        return cls(
            defocus_um=float(rng.uniform(*(optics.blurred_um if blurred else optics.sharp_um))),
            vignette=float(rng.uniform(*optics.vignette)),
            bright_spot=(float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7))),
            photons=tuple(float(count) for count in np.exp(rng.uniform(fewest, most, channels))),
            read_noise=float(rng.uniform(*optics.read_noise)),
            offset=float(rng.uniform(*optics.offset)),
            psf_um=optics.psf_um,
        )

    def expose(
        self, rng: np.random.Generator, light: Float32[np.ndarray, "channel height width"], pixel_um: float
    ) -> UInt8[np.ndarray, "channel height width"]:
        """Return the recorded planes of a specimen whose full scale is 1."""
        sigma_px = float(np.hypot(self.psf_um, self.defocus_um)) / pixel_um
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
